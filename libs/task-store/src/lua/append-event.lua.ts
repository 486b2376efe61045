/**
 * Lua included at the head of every script that writes an event. It assigns the next `seq`, stores the event,
 * and publishes the very same text, all within the script's atomic step: the log is the truth, pub/sub a hint.
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

-- From its end on a task is history: it expires by itself.
local function expire(task, events, retention_ms)
  redis.call('PEXPIRE', task, retention_ms)
  redis.call('PEXPIRE', events, retention_ms)
end
`;
