/**
 * Takes given jobs out of a tier's queue, wherever in it they wait.
 *
 * It does to BullMQ's keys what `moveToActive` of the pinned version does, but for the job: BullMQ takes the head of the
 * queue, this takes those it is told. `tier-queues.int.spec.ts` holds the two against each other. Delayed jobs, rate
 * limits and markers are left alone: we use none of them.
 *
 *   KEYS[1] wait         list: jobs without a priority, and those put back
 *   KEYS[2] prioritized  sorted set: the others
 *   KEYS[3] active       list
 *   KEYS[4] meta         hash: `paused`, `concurrency` (the tier's limit over the whole cluster)
 *   KEYS[5] events       stream: BullMQ's own
 *   ARGV[1] prefix of the jobs' keys
 *   ARGV[2] now, milliseconds since the epoch
 *   ARGV[3] token of their locks
 *   ARGV[4] how long a lock lasts, milliseconds
 *   ARGV[5…] job ids, the most urgent first
 *
 * Returns one entry an id: {data (JSON), how often it has been started} where it was taken; 1 where it does not wait (any
 * more); 2 where the tier is at its limit, or paused. Sent again, since its answer was lost, it answers as the first time
 * for what it took then: what is locked with the token is its caller's.
 *
 * Stays true: a job that is taken is in `active` and locked, in the same step in which it left its place; `active` never
 * holds more than the limit.
 */
export const TAKE_JOBS_LUA = `
local wait, prioritized, active, meta, events = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local prefix, now, token, lock = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local state = redis.call('HMGET', meta, 'paused', 'concurrency')
local room = math.huge
if state[1] then
  room = 0
elseif state[2] then
  room = tonumber(state[2]) - redis.call('LLEN', active)
end
local taken = {}
for index = 5, #ARGV do
  local id = ARGV[index]
  local key = prefix .. id
  if redis.call('GET', key .. ':lock') == token then
    local job = redis.call('HMGET', key, 'data', 'ats')
    taken[#taken + 1] = job[1] and { job[1], job[2] } or 1
  elseif room < 1 then
    taken[#taken + 1] = 2
  -- The tail is the oldest, which is mostly what is asked for.
  elseif redis.call('LREM', wait, -1, id) == 0 and redis.call('ZREM', prioritized, id) == 0 then
    taken[#taken + 1] = 1
  else
    local data = redis.call('HGET', key, 'data')
    if data then
      redis.call('LPUSH', active, id)
      redis.call('SET', key .. ':lock', token, 'PX', lock)
      redis.call('XADD', events, '*', 'event', 'active', 'jobId', id, 'prev', 'waiting')
      redis.call('HSET', key, 'processedOn', now)
      room = room - 1
      taken[#taken + 1] = { data, tostring(redis.call('HINCRBY', key, 'ats', 1)) }
    else
      taken[#taken + 1] = 1
    end
  end
end
return taken
`;
