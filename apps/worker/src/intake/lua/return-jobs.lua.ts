/**
 * Gives lost jobs of a tier back to its queue, each as the next of those without a priority.
 *
 *   KEYS[1] active  list
 *   KEYS[2] wait    list: jobs without a priority, and those put back
 *   KEYS[3] events  stream: BullMQ's own
 *   ARGV[1] prefix of the jobs' keys
 *   ARGV[2] longest the events may be
 *   ARGV[3…] two a job: its id, and how often it had been started when it was found (BullMQ's `ats`)
 *
 * Returns the ids of those that wait again.
 *
 * Stays true: what is locked, or was started since, is left alone; a job is in one place. One that has lost its data is
 * taken off, since nobody could run it: whoever compares queues and records makes it anew.
 */
export const RETURN_JOBS_LUA = `
local active, wait, events, prefix = KEYS[1], KEYS[2], KEYS[3], ARGV[1]
local returned = {}
for index = 3, #ARGV, 2 do
  local id = ARGV[index]
  local key = prefix .. id
  local job = redis.call('HMGET', key, 'data', 'ats')
  if redis.call('EXISTS', key .. ':lock') == 0 and (job[2] or '') == ARGV[index + 1] and redis.call('LREM', active, -1, id) > 0 then
    if job[1] then
      redis.call('RPUSH', wait, id)
      redis.call('XADD', events, 'MAXLEN', '~', ARGV[2], '*', 'event', 'waiting', 'jobId', id, 'prev', 'active')
      returned[#returned + 1] = id
    end
  end
end
return returned
`;
