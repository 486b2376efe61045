import { APPEND_EVENT_LUA } from './append-event.lua.js';

/**
 * Claims the next attempt of a task for a worker. From here on every write of an older attempt is refused.
 * A task found preparing or running was lost by its worker; after too many losses, those that its release counted among
 * them, it is poison and fails.
 * Sent again with a claim that has begun, it begins nothing and counts no loss: a claim names one taking of the job.
 *
 * KEYS  task, events, job
 * ARGV  head, preparing tail, task channel, project channel, worker id, now (ms), most losses,
 *       worker-lost tail, cancelled tail, retention (ms), worker-lost message, claim, most claims to remember
 * Returns  {'started', attempt} | {'ended', state} | {'missing'}
 */
export const BEGIN_ATTEMPT_LUA = `${APPEND_EVENT_LUA}
local state, attempt, losses, cancel, progress, claims = unpack(redis.call('HMGET', KEYS[1], 'state', 'attempt', 'losses', 'cancel', 'progress', 'claims'))
if not state then return {'missing'} end
if is_terminal(state) then return {'ended', state} end
local newest_first = {ARGV[12]}
for claim in string.gmatch(claims or '', '%S+') do
  if claim == ARGV[12] then return {'started', attempt - (#newest_first - 1)} end
  newest_first[#newest_first + 1] = claim
end
if cancel then
  redis.call('HSET', KEYS[1], 'state', 'cancelled', 'step', 'cancelled', 'finished_at', ARGV[6])
  append_event(KEYS[1], KEYS[2], ARGV[1], ARGV[9], attempt, progress, ARGV[3], ARGV[4])
  expire(KEYS[1], KEYS[2], KEYS[3], ARGV[10])
  return {'ended', 'cancelled'}
end
if state ~= 'queued' then losses = redis.call('HINCRBY', KEYS[1], 'losses', 1) end
if tonumber(losses or 0) >= tonumber(ARGV[7]) then
  redis.call('HSET', KEYS[1], 'state', 'failed', 'step', 'failed', 'finished_at', ARGV[6], 'code', 'WORKER_LOST', 'error', ARGV[11])
  append_event(KEYS[1], KEYS[2], ARGV[1], ARGV[8], attempt, progress, ARGV[3], ARGV[4])
  expire(KEYS[1], KEYS[2], KEYS[3], ARGV[10])
  return {'ended', 'failed'}
end
attempt = redis.call('HINCRBY', KEYS[1], 'attempt', 1)
redis.call('HSET', KEYS[1], 'state', 'preparing', 'progress', 0, 'step', 'preparing', 'worker', ARGV[5], 'started_at', ARGV[6],
  'claims', table.concat(newest_first, ' ', 1, math.min(#newest_first, tonumber(ARGV[13]))))
append_event(KEYS[1], KEYS[2], ARGV[1], ARGV[2], attempt, 0, ARGV[3], ARGV[4])
return {'started', attempt}
`;
