import { BOOK_LUA } from './book.lua.js';

/**
 * Extends a holder's leases. What stays true: only the holder extends a lease, and one that was given back or adopted is
 * never brought to life again. An expired one that is still the holder's is: nobody gave it away.
 *
 * KEYS  total, leased, leases, expiry, reserved
 * ARGV  the book's three, time to live (ms), holder, then lease ids
 * Returns  the ids that are not, or no longer, the holder's.
 */
export const RENEW_LEASES_LUA = `${BOOK_LUA}
local now = clock()
-- First, since it writes and takes no memory: what is held is then renewed in a Redis that is full, too.
keep_book(now)
local lost = {}
for at = 6, #ARGV do
  local stored = redis.call('HGET', LEASES, ARGV[at])
  if stored and cjson.decode(stored).holder == ARGV[5] then
    redis.call('ZADD', EXPIRY, digits(now + ARGV[4]), ARGV[at])
  else
    lost[#lost + 1] = ARGV[at]
  end
end
return lost
`;
