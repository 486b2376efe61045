import { BOOK_LUA } from './book.lua.js';

/**
 * Changes whose a lease is and what for, and renews it. What stays true: what it holds does not change; it passes from
 * one holder to another only once it has expired; one that is bound to an attempt of a task is bound to no earlier one.
 *
 * KEYS  total, leased, leases, expiry, reserved
 * ARGV  the book's three, time to live (ms), lease id, holder from, holder to,
 *       JSON of what changes: purpose, and where given taskId, attempt, facts (as text)
 * Returns  1 done, 0 refused.
 */
export const ADOPT_LEASE_LUA = `${BOOK_LUA}
local id, from, to, change = ARGV[5], ARGV[6], ARGV[7], cjson.decode(ARGV[8])
local now = clock()
local stored = redis.call('HGET', LEASES, id)
local record = stored and cjson.decode(stored)
if not record or record.holder ~= from then return 0 end
if from ~= to and tonumber(redis.call('ZSCORE', EXPIRY, id)) > now then return 0 end
if change.taskId and change.taskId ~= record.taskId then
  -- Attempts are counted by task: those of the last one say nothing of this one.
  record.taskId, record.attempt = change.taskId, nil
elseif change.attempt and record.attempt and change.attempt < record.attempt then
  return 0
end
record.holder, record.purpose = to, change.purpose
record.attempt, record.facts = change.attempt or record.attempt, change.facts or record.facts
redis.call('HSET', LEASES, id, cjson.encode(record))
redis.call('ZADD', EXPIRY, digits(now + ARGV[4]), id)
-- A task that is served by what was warm has its place, as with a grant.
local freed = record.purpose == 'task' and clear_reservations(reservations(now), record.taskId)
keep_book(now)
if freed then wake_waiting() end
return 1
`;
