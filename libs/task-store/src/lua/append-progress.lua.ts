import { APPEND_EVENT_LUA } from './append-event.lua.js';

/**
 * Stores and publishes progress events of an attempt, in order: one or several in one step.
 *
 * KEYS  task, events
 * ARGV  head, task channel, project channel, attempt, state (preparing | running) and step of the last event, claim ('' for
 *       whichever), writer, ordinal of its first event (they rise by one), then progress and tail of each event
 * Returns  the first event's seq (sent again perhaps an earlier one) | 0 where a cancel is under way (nothing written) | -1 where the attempt is over or superseded.
 */
export const APPEND_PROGRESS_LUA = `${APPEND_EVENT_LUA}
local state, attempt, seq, claims, appended = unpack(redis.call('HMGET', KEYS[1], 'state', 'attempt', 'seq', 'claims', 'appended'))
if not state or is_terminal(state) or state == 'queued' or attempt ~= ARGV[4] or not holds(claims, ARGV[7]) then return -1 end
if state == 'cancelling' then return 0 end
local ordinal, known = tonumber(ARGV[9]), ordinal_of(appended, ARGV[8])
-- Sent again: the seq is as far back as the ordinal, or less far, since ordinals between may be those of other tasks. It is
-- stored in any case, and so the answer is never less than 1, which would stop the run.
if ordinal <= known then return math.max(1, seq - (known - ordinal)) end
local first = seq + 1
for at = 10, #ARGV, 2 do
  seq = seq + 1
  write_event(KEYS[2], seq, ARGV[1], ARGV[at + 1], attempt, ARGV[at], ARGV[2], ARGV[3])
end
redis.call('HSET', KEYS[1], 'seq', seq, 'appended', ARGV[8] .. ':' .. ordinal + seq - first, 'state', ARGV[5], 'progress', ARGV[#ARGV - 1], 'step', ARGV[6])
return first
`;
