import { APPEND_EVENT_LUA } from './append-event.lua.js';

/**
 * Stores and publishes one progress event of an attempt.
 *
 * KEYS  task, events
 * ARGV  head, tail, task channel, project channel, attempt, progress, step, state (preparing | running)
 * Returns  the event's seq | 0 where a cancel is under way (nothing written) | -1 where the attempt is over or superseded.
 */
export const APPEND_PROGRESS_LUA = `${APPEND_EVENT_LUA}
local state, attempt = unpack(redis.call('HMGET', KEYS[1], 'state', 'attempt'))
if not state or is_terminal(state) or state == 'queued' or attempt ~= ARGV[5] then return -1 end
if state == 'cancelling' then return 0 end
redis.call('HSET', KEYS[1], 'state', ARGV[8], 'progress', ARGV[6], 'step', ARGV[7])
return append_event(KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[5], ARGV[6], ARGV[3], ARGV[4])
`;
