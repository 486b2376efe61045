import { BOOK_LUA } from './book.lua.js';

/**
 * Keeps resources for a task: all of them, or none where one is kept for another. What stays true: a resource is kept for
 * one task at most; a task has at most the one set that it reserved last.
 *
 * KEYS  total, leased, leases, expiry, reserved
 * ARGV  the book's three, task id, for how long (ms), then resources
 * Returns  1 done, 0 refused.
 */
export const RESERVE_RESOURCES_LUA = `${BOOK_LUA}
local task, now = ARGV[4], clock()
local reserved = reservations(now)
for at = 6, #ARGV do
  local by = reserved[ARGV[at]]
  if by and by ~= task then return 0 end
end
local wanted, freed = {}, false
for at = 6, #ARGV do wanted[ARGV[at]] = true end
for resource, by in pairs(reserved) do
  if by == task and not wanted[resource] then
    redis.call('HDEL', RESERVED, resource)
    freed = true
  end
end
local text = '{"taskId":' .. cjson.encode(task) .. ',"until":' .. digits(now + ARGV[5]) .. '}'
for resource in pairs(wanted) do redis.call('HSET', RESERVED, resource, text) end
keep_book(now)
if freed then wake_waiting() end
return 1
`;
