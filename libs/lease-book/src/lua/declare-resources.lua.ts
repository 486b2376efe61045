import { BOOK_LUA } from './book.lua.js';

/**
 * Says what may be leased, in place of whatever was said before. Leases are left alone: what is leased beyond a total,
 * or of a resource that is gone, runs out, since nothing of it is leased anew.
 *
 * KEYS  total, leased, leases, expiry, reserved
 * ARGV  the book's three, then resource and total in turn
 * Returns  nothing.
 */
export const DECLARE_RESOURCES_LUA = `${BOOK_LUA}
redis.call('DEL', TOTAL)
for at = 4, #ARGV, 2 do redis.call('HSET', TOTAL, ARGV[at], ARGV[at + 1]) end
keep_book(clock())
wake_waiting()
`;
