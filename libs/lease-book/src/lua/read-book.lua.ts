import { BOOK_LUA } from './book.lua.js';

/**
 * Reads the whole book as it is at one moment. Changes nothing.
 *
 * KEYS  total, leased, leases, expiry, reserved
 * ARGV  the book's three
 * Returns  {now (ms, as text), totals, leased, reservations, records, times of expiry}, each but the first name and value in turn.
 */
export const READ_BOOK_LUA = `${BOOK_LUA}
return {
  digits(clock()), redis.call('HGETALL', TOTAL), redis.call('HGETALL', LEASED), redis.call('HGETALL', RESERVED), redis.call('HGETALL', LEASES),
  redis.call('ZRANGE', EXPIRY, 0, -1, 'WITHSCORES'),
}
`;
