import { BOOK_LUA } from './book.lua.js';

/**
 * Keeps nothing for a task any more. What stays true: what is kept for others is left alone.
 *
 * KEYS  total, leased, leases, expiry, reserved
 * ARGV  the book's three, task id
 * Returns  1 something was kept for it, 0 nothing was.
 */
export const UNRESERVE_TASK_LUA = `${BOOK_LUA}
if not clear_reservations(reservations(clock()), ARGV[4]) then return 0 end
wake_waiting()
return 1
`;
