import { BOOK_LUA } from './book.lua.js';

/**
 * Lists the leases that have expired by Redis's clock. Changes nothing: that a lease has expired gives nothing back.
 *
 * KEYS  total, leased, leases, expiry, reserved
 * ARGV  the book's three
 * Returns  {now, {{id, record, time of expiry}, …}}; times are milliseconds, as text.
 */
export const LIST_EXPIRED_LUA = `${BOOK_LUA}
local now = digits(clock())
local found, entries = {}, redis.call('ZRANGEBYSCORE', EXPIRY, '-inf', now, 'WITHSCORES')
for at = 1, #entries, 2 do found[#found + 1] = {entries[at], redis.call('HGET', LEASES, entries[at]), entries[at + 1]} end
return {now, found}
`;
