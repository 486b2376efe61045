import { BOOK_LUA } from './book.lua.js';

/**
 * Gives leases back. What stays true: a lease is given back once, and by its holder; what is another's by now is left alone.
 *
 * KEYS  total, leased, leases, expiry, reserved
 * ARGV  the book's three, holder, then lease ids
 * Returns  how many were given back.
 */
export const RELEASE_LEASES_LUA = `${BOOK_LUA}
local count = 0
for at = 5, #ARGV do
  local stored = redis.call('HGET', LEASES, ARGV[at])
  local record = stored and cjson.decode(stored)
  if record and record.holder == ARGV[4] then
    give_back(ARGV[at], record)
    count = count + 1
  end
end
if count > 0 then wake_waiting() end
return count
`;
