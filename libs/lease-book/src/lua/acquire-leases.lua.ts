import { BOOK_LUA } from './book.lua.js';

/**
 * Grants leases, in order, each wholly or not at all. What stays true: no grant makes `leased` exceed `total`, or takes of
 * what is reserved for another task; a lease that is asked for again counts once. Everything is read before anything is
 * written, so that a request that cannot be read leaves no half of a batch behind.
 *
 * KEYS  total, leased, leases, expiry, reserved
 * ARGV  the book's three, time to live (ms), then id and record of each lease in turn
 * Returns  of each {'granted'} | {'short', resource, what is free of it} | {'reserved', resource, task} | {'taken', holder}
 */
export const ACQUIRE_LEASES_LUA = `${BOOK_LUA}
local now = clock()
local records = {}
for at = 5, #ARGV, 2 do records[at] = cjson.decode(ARGV[at + 1]) end
local reserved = reservations(now)
local expires_at = digits(now + ARGV[4])

local function refusal(record)
  -- By name, since Lua goes through a table in any order and the answer should not be chance.
  local resources = {}
  for resource in pairs(record.amounts) do resources[#resources + 1] = resource end
  table.sort(resources)
  for _, resource in ipairs(resources) do
    local by = reserved[resource]
    if by and by ~= record.taskId then return {'reserved', resource, by} end
  end
  for _, resource in ipairs(resources) do
    local free = (redis.call('HGET', TOTAL, resource) or 0) - (redis.call('HGET', LEASED, resource) or 0)
    if tonumber(record.amounts[resource]) > free then return {'short', resource, digits(math.max(free, 0))} end
  end
end

local function grant(id, text, record)
  redis.call('HSET', LEASES, id, text)
  redis.call('ZADD', EXPIRY, expires_at, id)
  for resource, amount in pairs(record.amounts) do redis.call('HINCRBY', LEASED, resource, amount) end
end

local outcomes, freed = {}, false
for at = 5, #ARGV, 2 do
  local id, record, outcome = ARGV[at], records[at], {'granted'}
  local stored = redis.call('HGET', LEASES, id)
  if stored then
    local holder = cjson.decode(stored).holder
    if holder == record.holder then
      redis.call('ZADD', EXPIRY, expires_at, id)
    else
      outcome = {'taken', holder}
    end
  else
    outcome = refusal(record) or outcome
    if outcome[1] == 'granted' then
      grant(id, ARGV[at + 1], record)
      -- It has its place; what else was kept for it is anybody's again.
      if clear_reservations(reserved, record.taskId) then freed = true end
    end
  end
  outcomes[#outcomes + 1] = outcome
end
keep_leases(now)
if freed then wake_waiting() end
return outcomes
`;
