/**
 * Lua included at the head of every script of a book.
 *
 * KEYS  total, leased, leases, expiry, reserved
 * ARGV  how long the keys outlive the last use of the book (ms), channel and text of the wake-up; a script's own follow
 *
 * What stays true: `leased` is the sum over `leases`; a lease stands in `leases` and in `expiry`, or in neither; these three
 * end at the same moment, so that no sum is missing while its leases are there.
 *
 * A lease's record is JSON of which every part but the attempt is a string: cjson writes numbers with 14 digits, too few
 * for bytes, and makes an object of an empty list. So amounts are decimal digits, and facts are a JSON text within it.
 * Sums are made by Redis (HINCRBY), in whole numbers.
 */
export const BOOK_LUA = `
local TOTAL, LEASED, LEASES, EXPIRY, RESERVED = unpack(KEYS)

-- Milliseconds of Redis's own clock, the only one that all workers share.
local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function digits(number)
  return string.format('%.0f', number)
end

local function keep_book(now)
  for _, key in ipairs(KEYS) do redis.call('PEXPIREAT', key, digits(now + ARGV[1])) end
end

-- After a grant, which may have made these anew: all else was given its end by whoever declared, and is by every renewal.
local function keep_leases(now)
  for _, key in ipairs({LEASED, LEASES, EXPIRY}) do redis.call('PEXPIREAT', key, digits(now + ARGV[1])) end
end

local function wake_waiting()
  redis.call('PUBLISH', ARGV[2], ARGV[3])
end

-- The record first: removing is allowed in a Redis that is full, and once a script has written all else is too.
local function give_back(id, record)
  redis.call('HDEL', LEASES, id)
  redis.call('ZREM', EXPIRY, id)
  for resource, amount in pairs(record.amounts) do
    if redis.call('HINCRBY', LEASED, resource, '-' .. amount) <= 0 then redis.call('HDEL', LEASED, resource) end
  end
end

-- Task ids by the resource that is kept for them; what is over is swept.
local function reservations(now)
  local reserved, entries = {}, redis.call('HGETALL', RESERVED)
  for at = 1, #entries, 2 do
    local reservation = cjson.decode(entries[at + 1])
    if reservation['until'] > now then
      reserved[entries[at]] = reservation.taskId
    else
      redis.call('HDEL', RESERVED, entries[at])
    end
  end
  return reserved
end

-- Whether the task had any.
local function clear_reservations(reserved, task)
  local found = false
  for resource, by in pairs(reserved) do
    if by == task then
      redis.call('HDEL', RESERVED, resource)
      reserved[resource] = nil
      found = true
    end
  end
  return found
end
`;
