import { APPEND_EVENT_LUA } from './append-event.lua.js';

/**
 * Cancels a task: a waiting one ends here; a running one gets its durable mark, and its worker a message. Asked again, it
 * repeats the message alone, which may have been lost.
 *
 * KEYS  task, events, job
 * ARGV  head, cancelling tail, cancelled tail, task channel, project channel, reason, now (ms), retention (ms),
 *       prefix of worker channels, task id
 * Returns  {'cancelled'} | {'cancelling'} | {'ended', state} | {'missing'}
 */
export const CANCEL_TASK_LUA = `${APPEND_EVENT_LUA}
local state, attempt, progress, worker, reason, cancel = unpack(redis.call('HMGET', KEYS[1], 'state', 'attempt', 'progress', 'worker', 'reason', 'cancel'))
local function tell_worker(why)
  redis.call('PUBLISH', ARGV[9] .. worker, cjson.encode({cancel = ARGV[10], reason = why}))
end
if not state then return {'missing'} end
-- Sent again: it was ended here, while it waited.
if state == 'cancelled' and not worker and reason == ARGV[6] then return {'cancelled'} end
if is_terminal(state) then return {'ended', state} end
if state == 'cancelling' then
  tell_worker(cancel)
  return {'cancelling'}
end
if state == 'queued' then
  redis.call('HSET', KEYS[1], 'state', 'cancelled', 'step', 'cancelled', 'finished_at', ARGV[7], 'reason', ARGV[6])
  append_event(KEYS[1], KEYS[2], ARGV[1], ARGV[3], attempt, progress, ARGV[4], ARGV[5])
  expire(KEYS[1], KEYS[2], KEYS[3], ARGV[8])
  return {'cancelled'}
end
redis.call('HSET', KEYS[1], 'state', 'cancelling', 'step', 'cancelling', 'cancel', ARGV[6])
append_event(KEYS[1], KEYS[2], ARGV[1], ARGV[2], attempt, progress, ARGV[4], ARGV[5])
tell_worker(ARGV[6])
return {'cancelling'}
`;
