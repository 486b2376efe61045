/**
 * Takes a job that has ended off its queue.
 *
 * It does to BullMQ's keys what `moveToFinished` of the pinned version does to a completed job that is to be removed and
 * has neither parent nor children; `tier-queues.int.spec.ts` holds the two against each other. A tenth of its text, since
 * it runs once a task.
 *
 *   KEYS[1] active   list
 *   KEYS[2] stalled  set: jobs that may have lost their worker
 *   KEYS[3] events   stream: BullMQ's own
 *   KEYS[4] the job's hash
 *   KEYS[5] its lock
 *   ARGV[1] job id
 *   ARGV[2] token of its lock
 *   ARGV[3] longest the events may be
 *
 * Returns 1 where it is off; 0 where the lock is not ours, or the job is gone: whoever has it carries on.
 *
 * Stays true: only who holds the lock ends the job; of a job that has ended no key is left.
 */
export const END_JOB_LUA = `
local active, stalled, events, job, lock = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local id, token = ARGV[1], ARGV[2]
if redis.call('GET', lock) ~= token or redis.call('LREM', active, -1, id) == 0 then return 0 end
redis.call('SREM', stalled, id)
redis.call('DEL', lock, job)
redis.call('XADD', events, 'MAXLEN', '~', ARGV[3], '*', 'event', 'completed', 'jobId', id, 'returnvalue', 'null', 'prev', 'active')
return 1
`;
