import { APPEND_EVENT_LUA } from './append-event.lua.js';

/**
 * Stores and publishes where a waiting task stands. Nothing is written of a task that does not wait any more, so that no
 * such event follows its start; nor beyond a number of them, so that a task that waits for weeks has no endless log.
 *
 * KEYS  task, events
 * ARGV  head, tail, task channel, project channel, step, most such events of a task, writer, ordinal
 * Returns  the event's seq | 0 where the task does not wait | -1 where it has had as many as it may.
 */
export const APPEND_QUEUED_LUA = `${APPEND_EVENT_LUA}
local state, attempt, progress, told, seq, appended = unpack(redis.call('HMGET', KEYS[1], 'state', 'attempt', 'progress', 'told', 'seq', 'appended'))
if state ~= 'queued' then return 0 end
if tonumber(ARGV[8]) <= ordinal_of(appended, ARGV[7]) then return tonumber(seq) end
told = tonumber(told or 0)
if told >= tonumber(ARGV[6]) then return -1 end
redis.call('HSET', KEYS[1], 'step', ARGV[5], 'told', told + 1, 'appended', ARGV[7] .. ':' .. ARGV[8])
return append_event(KEYS[1], KEYS[2], ARGV[1], ARGV[2], attempt, progress, ARGV[3], ARGV[4])
`;
