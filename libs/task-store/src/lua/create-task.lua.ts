import { APPEND_EVENT_LUA } from './append-event.lua.js';

/**
 * Creates a task's record and its first event, `queued`, and keeps its job until the task's end. Idempotent: an existing
 * task is left as it is.
 *
 * KEYS  task, events, job
 * ARGV  head, tail, task channel, project channel, the job's text ('' for none), then field and value pairs of the record
 * Returns  1 made, 0 was there: another try of its request made it, or this very one, whose answer was lost.
 */
export const CREATE_TASK_LUA = `${APPEND_EVENT_LUA}
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 'state', 'queued', 'attempt', 0, 'progress', 0, 'losses', 0, unpack(ARGV, 6))
if ARGV[5] ~= '' then redis.call('SET', KEYS[3], ARGV[5]) end
append_event(KEYS[1], KEYS[2], ARGV[1], ARGV[2], 0, 0, ARGV[3], ARGV[4])
return 1
`;
