/**
 * Renews the locks of one worker's jobs of a tier, and takes those up again that may have run out while Redis was away.
 *
 *   KEYS[1] active  list
 *   ARGV[1] prefix of the jobs' keys
 *   ARGV[2] token of the locks
 *   ARGV[3] how long a lock lasts, milliseconds
 *   ARGV[4…] three a job: its id; how often it had been started when it was taken (BullMQ's `ats`); 1 where its lock may
 *            have run out, 0 where it cannot have
 *
 * Returns 1 for each job that is its caller's still, 0 for each that is not.
 *
 * Stays true: a lock is taken up again only while nobody has taken the job since, nor put it back: it is in `active`, and
 * its starts are as they were. A lock that cannot have run out was taken away, and is not taken up again.
 */
export const RENEW_LOCKS_LUA = `
local active, prefix, token, lasts = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local ours = {}
for index = 4, #ARGV, 3 do
  local id, starts, may_have_run_out = ARGV[index], ARGV[index + 1], ARGV[index + 2]
  local key = prefix .. id
  local lock = redis.call('GET', key .. ':lock')
  if lock == token then
    redis.call('PEXPIRE', key .. ':lock', lasts)
    ours[#ours + 1] = 1
  elseif not lock and may_have_run_out == '1' and redis.call('HGET', key, 'ats') == starts and redis.call('LPOS', active, id) then
    redis.call('SET', key .. ':lock', token, 'PX', lasts)
    ours[#ours + 1] = 1
  else
    ours[#ours + 1] = 0
  end
end
return ours
`;
