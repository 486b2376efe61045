import { APPEND_EVENT_LUA } from './append-event.lua.js';

/**
 * Puts a task back into the queue: when its worker drains or the task needs more than it had, without a loss; when what it
 * ran on failed, with one. A cancel that came meanwhile is carried out instead.
 *
 * KEYS  task, events, job
 * ARGV  head, queued tail, cancelled tail, task channel, project channel, attempt, now (ms), retention (ms), claim ('' for
 *       whichever), losses to count,
 *       '1' where the task gets a new job: its starts are counted from 1 again, so the claims of the old one are forgotten
 * Returns  {'released'} | {'ended', 'cancelled'} | {'refused', state} | {'missing'}
 */
export const RELEASE_TASK_LUA = `${APPEND_EVENT_LUA}
local state, attempt, cancel, progress, claims = unpack(redis.call('HMGET', KEYS[1], 'state', 'attempt', 'cancel', 'progress', 'claims'))
if not state then return {'missing'} end
if attempt ~= ARGV[6] then return {'refused', state} end
local function forget_claims()
  if ARGV[11] == '1' then redis.call('HDEL', KEYS[1], 'claims') end
end
-- Sent again: nothing but its release brings an attempt back into the queue.
if state == 'queued' and attempt ~= '0' and holds(claims, ARGV[9]) then
  forget_claims()
  return {'released'}
end
if state == 'cancelled' and cancel then return {'ended', state} end
if is_terminal(state) or state == 'queued' or not holds(claims, ARGV[9]) then return {'refused', state} end
if cancel then
  redis.call('HSET', KEYS[1], 'state', 'cancelled', 'step', 'cancelled', 'finished_at', ARGV[7])
  append_event(KEYS[1], KEYS[2], ARGV[1], ARGV[3], attempt, progress, ARGV[4], ARGV[5])
  expire(KEYS[1], KEYS[2], KEYS[3], ARGV[8])
  return {'ended', 'cancelled'}
end
redis.call('HSET', KEYS[1], 'state', 'queued', 'step', 'queued')
redis.call('HDEL', KEYS[1], 'worker')
if ARGV[10] ~= '0' then redis.call('HINCRBY', KEYS[1], 'losses', ARGV[10]) end
forget_claims()
append_event(KEYS[1], KEYS[2], ARGV[1], ARGV[2], attempt, progress, ARGV[4], ARGV[5])
return {'released'}
`;
