/**
 * Finds the jobs of a tier that somebody took and whose lock is gone: of a worker that died, that lost it, or that could
 * not reach Redis for as long as a lock lasts.
 *
 *   KEYS[1] active  list
 *   ARGV[1] prefix of the jobs' keys
 *   ARGV[2] how many are looked at
 *
 * Returns id and number of starts (BullMQ's `ats`, empty where the job has lost its data) of each, one after the other.
 */
export const FIND_UNLOCKED_LUA = `
local unlocked = {}
for _, id in ipairs(redis.call('LRANGE', KEYS[1], 0, tonumber(ARGV[2]) - 1)) do
  local key = ARGV[1] .. id
  if redis.call('EXISTS', key .. ':lock') == 0 then
    unlocked[#unlocked + 1] = id
    unlocked[#unlocked + 1] = redis.call('HGET', key, 'ats') or ''
  end
end
return unlocked
`;
