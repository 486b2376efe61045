import { APPEND_EVENT_LUA } from './append-event.lua.js';

/**
 * Ends a task: terminal state and terminal event in one step, once, and only by the newest attempt.
 *
 * KEYS  task, events
 * ARGV  head, tail, task channel, project channel, attempt ('' for whatever it is: the door's own failures; 'none' while it waits),
 *       state, progress ('' to leave it), now (ms), retention (ms), then field and value pairs (result, error, code)
 * Returns  {'ended', seq} | {'refused', state} | {'missing'}
 */
export const FINISH_TASK_LUA = `${APPEND_EVENT_LUA}
local state, attempt, progress = unpack(redis.call('HMGET', KEYS[1], 'state', 'attempt', 'progress'))
if not state then return {'missing'} end
local any, waiting = ARGV[5] == '', ARGV[5] == 'none' and state == 'queued'
if is_terminal(state) or not (any or waiting or attempt == ARGV[5]) then return {'refused', state} end
-- What waits has no attempt that could end it, and nothing to complete; only its door, or who sees to the queues, may give it up.
if state == 'queued' and (not (any or waiting) or ARGV[6] == 'completed') then return {'refused', state} end
if ARGV[7] ~= '' then progress = ARGV[7] end
redis.call('HSET', KEYS[1], 'state', ARGV[6], 'progress', progress, 'step', ARGV[6], 'finished_at', ARGV[8], unpack(ARGV, 10))
local seq = append_event(KEYS[1], KEYS[2], ARGV[1], ARGV[2], attempt, progress, ARGV[3], ARGV[4])
expire(KEYS[1], KEYS[2], ARGV[9])
return {'ended', seq}
`;
