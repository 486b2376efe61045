/**
 * Lua included at the head of every script that writes an event. It assigns the next `seq`, stores the event,
 * and publishes the very same text, all within the script's atomic step: the log is the truth, pub/sub a hint.
 *
 * A connection that is cut may take the answer with it, and the script is then sent again. So each of them knows what it
 * has done already, by marks in the record that go with the task's end, answers as it did, and does nothing twice:
 *   claims    the takings of the last attempts, the newest first: a begin, and who holds the attempt
 *   appended  `{writer}:{ordinal}` of the last event that says how far the task is, or where it waits
 *
 * An event's text comes in two parts, since only Redis knows what stands between them:
 *   head `{"task_id":"…","node_id":"…","project_id":"…","seq":`  +  seq, attempt, progress  +
 *   tail `,"step":"…","status":"…","timestamp":"…"…}`
 */
export const APPEND_EVENT_LUA = `
local function write_event(events, seq, head, tail, attempt, progress, task_channel, project_channel)
  local text = head .. seq .. ',"attempt":' .. attempt .. ',"progress":' .. progress .. tail
  -- A cap far above what a task writes (the progress gate sees to that): a bound for the unforeseen.
  redis.call('XADD', events, 'MAXLEN', '~', 20000, seq .. '-0', 'e', text)
  redis.call('PUBLISH', task_channel, text)
  redis.call('PUBLISH', project_channel, text)
end

local function append_event(task, events, head, tail, attempt, progress, task_channel, project_channel)
  local seq = redis.call('HINCRBY', task, 'seq', 1)
  write_event(events, seq, head, tail, attempt, progress, task_channel, project_channel)
  return seq
end

local function is_terminal(state)
  return state == 'completed' or state == 'failed' or state == 'cancelled'
end

-- The ordinal of the last event that this writer has stored; 0 where another wrote the last one.
local function ordinal_of(appended, writer)
  local by, ordinal = string.match(appended or '', '^(.-):(%d+)$')
  return by == writer and tonumber(ordinal) or 0
end

-- Whether an attempt is held by this claim; a writer that names none is judged by its attempt's number alone.
local function holds(claims, claim)
  return claim == '' or string.match(claims or '', '^%S+') == claim
end

-- From its end on a task is history: it expires by itself, and its job is never made again.
local function expire(task, events, job, retention_ms)
  redis.call('HDEL', task, 'claims', 'appended')
  redis.call('DEL', job)
  redis.call('PEXPIRE', task, retention_ms)
  redis.call('PEXPIRE', events, retention_ms)
end
`;
