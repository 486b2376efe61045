import { APPEND_EVENT_LUA } from './append-event.lua.js';

/**
 * Ends a task: terminal state and terminal event in one step, once, and only by the newest attempt. Whoever asks again for
 * the end that stands is told that it is theirs.
 *
 * KEYS  task, events, job
 * ARGV  head, tail, task channel, project channel, attempt ('' for whatever it is: the door's own failures; 'none' while it waits),
 *       state, progress ('' to leave it), now (ms), retention (ms), claim ('' for whichever), then field and value pairs (result, error, code)
 * Returns  {'ended', seq} | {'refused', state} | {'missing'}
 */
export const FINISH_TASK_LUA = `${APPEND_EVENT_LUA}
local state, attempt, progress, seq, claims = unpack(redis.call('HMGET', KEYS[1], 'state', 'attempt', 'progress', 'seq', 'claims'))
if not state then return {'missing'} end
local any, none, own = ARGV[5] == '', ARGV[5] == 'none', attempt == ARGV[5]
local function is_this_end()
  for at = 11, #ARGV, 2 do
    if redis.call('HGET', KEYS[1], ARGV[at]) ~= ARGV[at + 1] then return false end
  end
  return state == ARGV[6] and (any or none or own)
end
if is_terminal(state) then return is_this_end() and {'ended', tonumber(seq)} or {'refused', state} end
local waiting = none and state == 'queued'
if not (any or waiting or own and holds(claims, ARGV[10])) then return {'refused', state} end
-- What waits has no attempt that could end it, and nothing to complete; only its door, or who sees to the queues, may give it up.
if state == 'queued' and (not (any or waiting) or ARGV[6] == 'completed') then return {'refused', state} end
if ARGV[7] ~= '' then progress = ARGV[7] end
redis.call('HSET', KEYS[1], 'state', ARGV[6], 'progress', progress, 'step', ARGV[6], 'finished_at', ARGV[8], unpack(ARGV, 11))
seq = append_event(KEYS[1], KEYS[2], ARGV[1], ARGV[2], attempt, progress, ARGV[3], ARGV[4])
expire(KEYS[1], KEYS[2], KEYS[3], ARGV[9])
return {'ended', seq}
`;
