import { BOOK_LUA } from './book.lua.js';

/**
 * Gives back a lease whose container was seen to be gone. What stays true: only what has expired is given back so, and only
 * while it is as it was when the look was taken. Whoever renewed or adopted it since may have started a container, even
 * where it has expired again.
 *
 * KEYS  total, leased, leases, expiry, reserved
 * ARGV  the book's three, lease id, its time of expiry as it was seen (ms)
 * Returns  1 given back, 0 not.
 */
export const RELEASE_EXPIRED_LUA = `${BOOK_LUA}
local stored, expires_at, now = redis.call('HGET', LEASES, ARGV[4]), tonumber(redis.call('ZSCORE', EXPIRY, ARGV[4])), clock()
if not stored or expires_at ~= tonumber(ARGV[5]) or expires_at > now then return 0 end
give_back(ARGV[4], cjson.decode(stored))
keep_book(now)
wake_waiting()
return 1
`;
