import { Queue, Worker, type Job } from 'bullmq';
import type { Redis } from 'ioredis';
import { QUALITY_TIERS, type QualityTier } from '@function-runner/pipeline-schema';
import { BULLMQ_PRIORITY, JOB_NAME, queueName, type JobPayload, type TaskPriority } from '@function-runner/task-contract';
import { connectRedis } from '@function-runner/task-store';
import { RedisFixture, testJob, waitFor } from '@function-runner/testing';
import { LostJobs } from './lost-jobs.js';
import { TAKE_JOBS_LUA } from './lua/take-jobs.lua.js';
import { TierQueues, type Taken, type TierQueuesOptions } from './tier-queues.adapter.js';

const LOCK_MS = 5000;
const TIER: QualityTier = 'high';

let server: RedisFixture;
let redis: Redis;
let closing: (() => Promise<void>)[] = [];

beforeAll(async () => {
  server = await RedisFixture.start();
  redis = connectRedis(server.url, 'worker', () => undefined);
});
beforeEach(() => redis.flushall());
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  closing = [];
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

interface Opened {
  queues: TierQueues;
  lost: string[];
  errors: Error[];
  unreadable: string[];
}

/** A worker's queues, on a connection of their own; they renew and look after nothing before they are opened. */
function tierQueues(changes: Partial<TierQueuesOptions> = {}): Opened {
  const connection = connectRedis(server.url, 'worker', () => undefined);
  const lost: string[] = [];
  const errors: Error[] = [];
  const unreadable: string[] = [];
  const queues = new TierQueues(connection, {
    prefix: 'bull', limits: { low: 1, standard: 2, high: 100, premium: 4 }, onLost: (taskId) => lost.push(taskId), onNotOurs: (taskId) => errors.push(new Error(taskId)), onUnreadable: (taskId) => unreadable.push(taskId), onError: (error) => errors.push(error), ...changes,
  });
  closing.push(async () => {
    await queues.close();
    connection.disconnect();
  });
  return { queues, lost, errors, unreadable };
}

/** The api's side of the tier. */
function producer(prefix = 'bull'): Queue<JobPayload> {
  const queue = new Queue<JobPayload>(queueName(TIER), { connection: redis, prefix, defaultJobOptions: { removeOnComplete: true, removeOnFail: true, attempts: 3, backoff: { type: 'fixed', delay: 1000 } } });
  closing.push(() => queue.close());
  return queue;
}

const PAYLOAD: JobPayload = { ...testJob('return'), submitted_at: '2030-01-01T00:00:00.000Z' };

const TAKEN = expect.objectContaining({ kind: 'taken', payload: PAYLOAD }) as Taken;

async function add(queue: Queue<JobPayload>, taskId: string, priority: TaskPriority = 'normal'): Promise<void> {
  const number = BULLMQ_PRIORITY[priority];
  await queue.add(JOB_NAME, PAYLOAD, { jobId: taskId, timestamp: 1_900_000_000_000, ...(number === 0 ? {} : { priority: number }) });
}

const key = (name: string): string => `bull:${queueName(TIER)}:${name}`;
const active = (): Promise<string[]> => redis.lrange(key('active'), 0, -1);
const waiting = async (queues: TierQueues): Promise<readonly string[]> => (await queues.look()).find(({ tier }) => tier === TIER)?.waiting ?? [];

/** Everything below a prefix as Redis keeps it, but for what differs by chance: the time, the token, and the ids in a stream. */
async function contents(prefix: string, token: RegExp): Promise<Record<string, unknown>> {
  const found: [string, unknown][] = [];
  for (const name of (await redis.keys(`${prefix}:*`)).sort()) {
    const pttl = await redis.pttl(name);
    found.push([name.slice(prefix.length + 1), { value: await valueOf(name, token), lasts: pttl < 0 ? pttl : pttl > 0 && pttl <= LOCK_MS }]);
  }
  return Object.fromEntries(found);
}

async function valueOf(name: string, token: RegExp): Promise<unknown> {
  switch (await redis.type(name)) {
    case 'string': return (await redis.get(name))?.replace(token, 'token');
    case 'list': return redis.lrange(name, 0, -1);
    case 'zset': return redis.zrange(name, 0, '-1', 'WITHSCORES');
    case 'set': return (await redis.smembers(name)).sort();
    // That a queue ran empty BullMQ says once more than we: nobody here reads it.
    case 'stream': return (await redis.xrange(name, '-', '+')).map(([, fields]) => fields).filter((fields) => !fields.includes('drained'));
    case 'hash': {
      const { processedOn, ...fields } = await redis.hgetall(name);
      return { ...fields, ...(processedOn === undefined ? {} : { processedOn: Math.abs(Date.now() - Number(processedOn)) < 60_000 }) };
    }
    default: throw new Error(`${name} is of a type that is not known here`);
  }
}

/** Takes the next jobs as BullMQ itself does, and the same ones as we do, each in a queue of its own; and ends the first `ended` of them again. */
async function bothWays(prepare: (queue: Queue<JobPayload>) => Promise<unknown>, taskIds: readonly string[], ended = 0): Promise<{ theirs: Record<string, unknown>; ours: Record<string, unknown> }> {
  for (const prefix of ['theirs', 'ours']) await prepare(producer(prefix));
  const connection = connectRedis(server.url, 'worker', () => undefined);
  const worker = new Worker<JobPayload>(queueName(TIER), null, { connection, prefix: 'theirs', autorun: false, lockDuration: LOCK_MS });
  closing.push(async () => {
    await worker.close();
    connection.disconnect();
  });
  const { queues, errors } = tierQueues({ prefix: 'ours' });
  const jobs: Job<JobPayload>[] = [];
  for (const taskId of taskIds) {
    const job = await worker.getNextJob('their-token', { block: false });
    const [answer] = await queues.take(TIER, [taskId]);
    expect([job?.id, job?.data]).toEqual(answer?.kind === 'taken' ? [taskId, answer.payload] : [undefined, undefined]);
    if (job !== undefined) jobs.push(job);
  }
  for (const job of jobs.slice(0, ended)) {
    await job.moveToCompleted(undefined, 'their-token', false);
    await queues.complete(TIER, job.id ?? '');
  }
  expect(errors).toEqual([]);
  return { theirs: await contents('theirs', /their-token/), ours: await contents('ours', /^[0-9a-f-]{36}$/) };
}

describe('taking jobs', () => {
  it('takes the one that is asked for from the middle, of the plain list and of the prioritized ones', async () => {
    const queue = producer();
    for (const taskId of ['plain-1', 'plain-2', 'plain-3']) await add(queue, taskId);
    await add(queue, 'high-1', 'high');
    await add(queue, 'low-1', 'low');
    const { queues } = tierQueues();
    expect(await queues.take(TIER, ['plain-2', 'low-1'])).toEqual([TAKEN, TAKEN]);
    expect(await queues.look()).toContainEqual({ tier: TIER, waiting: ['plain-1', 'plain-3', 'high-1'], running: ['low-1', 'plain-2'] });
  });

  it('says of one that is unknown, taken already, removed, or has lost its data that it is gone, and takes the others', async () => {
    const queue = producer();
    for (const taskId of ['taken', 'removed', 'hollow', 'there']) await add(queue, taskId);
    const [first, second] = [tierQueues(), tierQueues()];
    await first.queues.take(TIER, ['taken']);
    await queue.remove('removed');
    await redis.del(key('hollow'));
    const gone = { kind: 'gone' };
    expect(await second.queues.take(TIER, ['unknown', 'taken', 'removed', 'hollow', 'there'])).toEqual([gone, gone, gone, gone, TAKEN]);
    expect(await first.queues.take(TIER, ['taken'])).toEqual([gone]);
    expect(await active()).toEqual(['there', 'taken']);
    expect(await redis.exists(key('hollow:lock'))).toBe(0);
    expect(await waiting(second.queues)).toEqual([]);
  });

  it('takes none of a paused queue, and all when it goes on', async () => {
    const queue = producer();
    await add(queue, 'a');
    await add(queue, 'b', 'high');
    const { queues } = tierQueues();
    await queue.pause();
    expect(await queues.take(TIER, ['a', 'b'])).toEqual([{ kind: 'tier-full' }, { kind: 'tier-full' }]);
    expect(await active()).toEqual([]);
    await queue.resume();
    expect(await queues.take(TIER, ['a', 'b'])).toMatchObject([{ kind: 'taken' }, { kind: 'taken' }]);
  });

  it('takes the most urgent first where not all may go, and one that is gone costs no place', async () => {
    const queue = producer();
    for (const taskId of ['a', 'b', 'c']) await add(queue, taskId);
    const { queues } = tierQueues({ limits: { low: 1, standard: 2, high: 2, premium: 4 } });
    await queues.open();
    expect((await queues.take(TIER, ['gone', 'c', 'a', 'b', 'gone'])).map(({ kind }) => kind)).toEqual(['gone', 'taken', 'taken', 'tier-full', 'tier-full']);
  });

  it('never takes more than the tier’s limit, and each job once, however many ask at once', async () => {
    const limit = 3;
    const queue = producer();
    const tasks = Array.from({ length: 50 }, (_, index) => `task-${index}`);
    for (const [index, taskId] of tasks.entries()) await add(queue, taskId, index % 3 === 0 ? 'high' : 'normal');
    const takenBy = new Map<string, number>();
    let most = 0;
    const race = async ({ queues }: Opened, name: number): Promise<void> => {
      for (;;) {
        const left = tasks.filter((taskId) => !takenBy.has(taskId));
        if (left.length === 0) return;
        if (name === 1) left.reverse();
        const answers = await queues.take(TIER, left);
        most = Math.max(most, (await active()).length);
        const taken = left.filter((_, index) => answers[index]?.kind === 'taken');
        for (const taskId of taken) {
          expect(takenBy.has(taskId)).toBe(false);
          takenBy.set(taskId, name);
        }
        for (const taskId of taken) await queues.complete(TIER, taskId);
      }
    };
    const racers = [tierQueues({ limits: { low: 1, standard: 2, high: limit, premium: 4 } }), tierQueues({ limits: { low: 1, standard: 2, high: limit, premium: 4 } })];
    for (const { queues } of racers) await queues.open();
    await Promise.all(racers.map(race));
    expect(takenBy.size).toBe(50);
    expect(new Set(takenBy.values()).size).toBe(2);
    expect(most).toBe(limit);
    expect(await queue.getJobCountByTypes('wait', 'prioritized', 'active')).toBe(0);
    for (const { errors } of racers) expect(errors).toEqual([]);
  });

  it.each<[string, (queue: Queue<JobPayload>) => Promise<unknown>, string[]]>([
    ['one of the plain list', async (queue) => { for (const taskId of ['a', 'b']) await add(queue, taskId); }, ['a']],
    ['the last one', (queue) => add(queue, 'a'), ['a']],
    ['one that is prioritized', async (queue) => { for (const taskId of ['a', 'b']) await add(queue, taskId, 'low'); }, ['a']],
    ['one after the other, of both', async (queue) => { await add(queue, 'plain'); await add(queue, 'low', 'low'); await add(queue, 'high', 'high'); await add(queue, 'next'); }, ['plain', 'next', 'high']],
    ['one that waits for the second time', async (queue) => {
      await add(queue, 'a');
      const worker = new Worker<JobPayload>(queueName(TIER), null, { connection: redis, prefix: queue.opts.prefix ?? '', autorun: false });
      await (await worker.getNextJob('first', { block: false }))?.moveToWait('first');
      await worker.close();
    }, ['a']],
    ['none where the queue is paused', async (queue) => { await add(queue, 'a'); await queue.pause(); }, ['a']],
    ['none where the tier is at its limit', async (queue) => { await queue.setGlobalConcurrency(1); await add(queue, 'a'); await add(queue, 'b'); }, ['a', 'b']],
  ])('leaves in Redis what BullMQ itself leaves: %s', async (_, prepare, taskIds) => {
    const { theirs, ours } = await bothWays(prepare, taskIds);
    expect(ours).toEqual(theirs);
    expect(Object.keys(ours).length).toBeGreaterThan(3);
  });

  it('is compared by all that makes a job active: its place, its lock, its times and the event', async () => {
    const { ours } = await bothWays((queue) => add(queue, 'a'), ['a']);
    const name = queueName(TIER);
    expect(ours).toMatchObject({
      [`${name}:active`]: { value: ['a'] }, [`${name}:a:lock`]: { value: 'token', lasts: true }, [`${name}:a`]: { value: { ats: '1', processedOn: true }, lasts: -1 },
      [`${name}:events`]: { value: expect.arrayContaining([['event', 'active', 'jobId', 'a', 'prev', 'waiting']]) },
    });
    expect(ours).not.toHaveProperty([`${name}:wait`]);
  });
});

describe('what becomes of a taken job', () => {
  it('ended, nothing of it is left', async () => {
    const queue = producer();
    await add(queue, 'a');
    await add(queue, 'b', 'high');
    const { queues, errors } = tierQueues();
    await queues.take(TIER, ['a', 'b']);
    expect(await redis.keys(key('a*'))).not.toEqual([key('active')]);
    await queues.complete(TIER, 'a');
    await queues.complete(TIER, 'b');
    const left = (await redis.keys(key('*'))).map((name) => name.slice(key('').length));
    // What belongs to the queue and to no job: BullMQ's settings, its stream of events, its counters, and the sign for its own fetch loop.
    expect(left.filter((name) => !['meta', 'events', 'id', 'pc', 'marker'].includes(name))).toEqual([]);
    expect(errors).toEqual([]);
  });

  it.each<[string, (queue: Queue<JobPayload>) => Promise<unknown>, string[]]>([
    ['the only one', (queue) => add(queue, 'a'), ['a']],
    ['one of several that run and wait', async (queue) => { for (const taskId of ['a', 'b', 'c']) await add(queue, taskId); }, ['a', 'b']],
    ['one that is prioritized', async (queue) => { for (const taskId of ['a', 'b']) await add(queue, taskId, 'high'); }, ['a']],
    ['one that was looked at as perhaps lost', async (queue) => { await add(queue, 'a'); await redis.sadd(queue.toKey('stalled'), 'a', 'other'); }, ['a']],
    ['the one that was in the way of others', async (queue) => { await queue.setGlobalConcurrency(1); await add(queue, 'a'); await add(queue, 'b'); }, ['a']],
  ])('ended, it leaves in Redis what BullMQ itself leaves: %s', async (_, prepare, taskIds) => {
    const { theirs, ours } = await bothWays(prepare, taskIds, 1);
    expect(ours).toEqual(theirs);
    expect(ours).toMatchObject({ [`${queueName(TIER)}:events`]: { value: expect.arrayContaining([expect.arrayContaining(['completed', taskIds[0]])]) } });
  });

  it('put back, it is the first of its kind again', async () => {
    const queue = producer();
    for (const taskId of ['a', 'b', 'c']) await add(queue, taskId);
    for (const taskId of ['high-1', 'high-2']) await add(queue, taskId, 'high');
    const { queues } = tierQueues();
    await queues.take(TIER, ['b', 'high-2']);
    await queues.putBack(TIER, 'b');
    await queues.putBack(TIER, 'high-2');
    expect(await queues.look()).toContainEqual({ tier: TIER, waiting: ['b', 'a', 'c', 'high-2', 'high-1'], running: [] });
    expect(await redis.keys(key('*:lock'))).toEqual([]);
    const [again] = await queues.take(TIER, ['b']);
    expect(again).toEqual(TAKEN);
  });

  it('put back with other data, those are what the next one finds', async () => {
    await add(producer(), 'a', 'low');
    const [{ queues }, next] = [tierQueues(), tierQueues()];
    await queues.take(TIER, ['a']);
    const demand = { gpus: 1, vram_bytes: 12 * 1024 ** 3, splittable: false, cpu_millis: 0, memory_bytes: 0 };
    await queues.putBack(TIER, 'a', { ...PAYLOAD, demand, memory_limit_bytes: 2 ** 30 });
    expect(await next.queues.describe(TIER, ['a'])).toEqual([
      {
        task: { taskId: 'a', tier: TIER, priority: 'low', projectId: 'film', pipelineId: 'script:1.0', submittedAt: Date.parse(PAYLOAD.submitted_at), demand: { gpus: 1, vramBytes: 12 * 1024 ** 3, splittable: false, cpuMillis: 0, memoryBytes: 0 } },
        // When it was taken the first time.
        startedAt: Number(await redis.hget(key('a'), 'processedOn')),
      },
    ]);
    expect(await next.queues.take(TIER, ['a'])).toEqual([expect.objectContaining({ kind: 'taken', payload: { ...PAYLOAD, demand, memory_limit_bytes: 2 ** 30 }, starts: 2 })]);
  });

  it('is let go by one that has lost it, without harm to whoever has it now', async () => {
    await add(producer(), 'a');
    await add(producer(), 'b');
    const [first, second] = [tierQueues(), tierQueues()];
    await first.queues.take(TIER, ['a', 'b']);
    // As after its lock ran out and the job was found stalled.
    for (const taskId of ['a', 'b']) {
      await redis.del(key(`${taskId}:lock`));
      await redis.lrem(key('active'), 1, taskId);
      await redis.rpush(key('wait'), taskId);
    }
    await second.queues.take(TIER, ['a', 'b']);
    await first.queues.complete(TIER, 'a');
    await first.queues.putBack(TIER, 'b');
    expect(first.errors).toHaveLength(2);
    expect(await active()).toEqual(['b', 'a']);
    await second.queues.complete(TIER, 'a');
    await second.queues.complete(TIER, 'b');
    expect([second.errors, await active()]).toEqual([[], []]);
    // Nor does one that is wholly gone trouble anybody.
    await first.queues.complete(TIER, 'a');
    expect(first.errors).toHaveLength(3);
  });
});

describe('locks', () => {
  it('are renewed; of one that is lost anyway its holder hears, and nothing of it is renewed any more', async () => {
    const queue = producer();
    for (const taskId of ['lost', 'kept', 'ended']) await add(queue, taskId);
    const { queues, lost, errors } = tierQueues();
    await queues.open();
    await queues.take(TIER, ['lost', 'kept', 'ended']);
    await queues.complete(TIER, 'ended');
    await redis.del(key('lost:lock'));
    await redis.pexpire(key('kept:lock'), LOCK_MS - 2000);
    await waitFor('the loss', () => lost.length > 0);
    expect(lost).toEqual(['lost']);
    await waitFor('the renewal', async () => (await redis.pttl(key('kept:lock'))) > LOCK_MS - 2000);
    expect(await redis.exists(key('lost:lock'))).toBe(0);
    // The job is nobody's: to end it is not for the one that lost it.
    await queues.complete(TIER, 'lost');
    expect(errors).toHaveLength(1);
    expect(await active()).toEqual(['kept', 'lost']);
  });

  it('that ran out while Redis was frozen are taken up again, and nothing is lost by it', async () => {
    await add(producer(), 'a');
    const [holder, other] = [tierQueues(), tierQueues()];
    await holder.queues.open();
    await holder.queues.take(TIER, ['a']);
    const lostJobs = new LostJobs(other.queues);
    process.kill(server.pid, 'SIGSTOP');
    // The time that a lock lasts: what is tried is that it passes.
    await new Promise((resolve) => setTimeout(resolve, LOCK_MS + 500));
    process.kill(server.pid, 'SIGCONT');
    expect(await lostJobs.look()).toEqual([]);
    await waitFor('the lock to be back', async () => (await redis.exists(key('a:lock'))) === 1);
    expect(await lostJobs.look()).toEqual([]);
    expect([holder.lost, await active()]).toEqual([[], ['a']]);
    expect(await holder.queues.confirm('a')).toBe(true);
    await holder.queues.complete(TIER, 'a');
    expect([holder.errors, await active()]).toEqual([[], []]);
  }, 30_000);

  it('that ran out are not taken up again where another has the job by now, nor where it waits', async () => {
    for (const taskId of ['taken', 'waits']) await add(producer(), taskId);
    const [first, second] = [tierQueues(), tierQueues()];
    // Renews nothing, as one that is blocked.
    await first.queues.take(TIER, ['taken', 'waits']);
    await waitFor('the locks to run out', async () => (await redis.exists(key('taken:lock'), key('waits:lock'))) === 0, 2 * LOCK_MS);
    expect([...await second.queues.giveAgain(await second.queues.unlocked())].sort()).toEqual(['taken', 'waits']);
    expect(await second.queues.take(TIER, ['taken'])).toEqual([expect.objectContaining({ starts: 2 })]);
    expect([await first.queues.confirm('taken'), await first.queues.confirm('waits')]).toEqual([false, false]);
    expect(first.lost).toEqual(['taken', 'waits']);
    expect([await second.queues.confirm('taken'), await redis.exists(key('waits:lock'))]).toEqual([true, 0]);
  }, 30_000);

  it('name each taking of a job: what is taken again has another claim', async () => {
    await add(producer(), 'a');
    const { queues } = tierQueues();
    const [first] = await queues.take(TIER, ['a']);
    await queues.putBack(TIER, 'a');
    const [second] = await queues.take(TIER, ['a']);
    expect([first, second]).toMatchObject([{ starts: 1 }, { starts: 2 }]);
    expect(first?.kind === 'taken' && second?.kind === 'taken' && first.claim !== second.claim).toBe(true);
  });

  it('taken in an answer that was lost, and asked for again, are the same taking', async () => {
    for (const taskId of ['a', 'b']) await add(producer(), taskId);
    const ask = (token: string): Promise<unknown> => redis.eval(TAKE_JOBS_LUA, 5, ...['wait', 'prioritized', 'active', 'meta', 'events'].map(key), key(''), Date.now(), token, LOCK_MS, 'a');
    const first = await ask('ours');
    expect(first).toEqual([[JSON.stringify(PAYLOAD), '1']]);
    expect([await ask('ours'), await ask('theirs'), await redis.hget(key('a'), 'ats'), await active()]).toEqual([first, [1], '1', ['a']]);
  });

  it('of a dead holder run out, and its job waits again for the next', async () => {
    const queue = producer();
    await add(queue, 'a');
    await add(queue, 'b', 'high');
    const [dead, living] = [tierQueues(), tierQueues()];
    await dead.queues.open();
    await dead.queues.take(TIER, ['a', 'b']);
    await dead.queues.close();
    await living.queues.open();
    expect((await living.queues.look()).find(({ tier }) => tier === TIER)?.running).toEqual(['b', 'a']);
    const lostJobs = new LostJobs(living.queues);
    const found: string[] = [];
    await waitFor('the jobs to be found', async () => found.push(...await lostJobs.look()) === 2, 40_000, 1000);
    expect([...(await waiting(living.queues))].sort()).toEqual(['a', 'b']);
    expect(await active()).toEqual([]);
    // BullMQ puts both into its plain list; what they were queued with is not lost.
    expect((await living.queues.describe(TIER, ['a', 'b'])).map(({ task }) => task.priority)).toEqual(['normal', 'high']);
    expect(await living.queues.take(TIER, ['a', 'b'])).toEqual([TAKEN, TAKEN]);
  });
});

describe('a look', () => {
  it('sees every tier, and writes down each one’s limit before', async () => {
    const { queues } = tierQueues();
    await queues.open();
    expect(await queues.look()).toEqual(QUALITY_TIERS.map((tier) => ({ tier, waiting: [], running: [] })));
    expect(await Promise.all(QUALITY_TIERS.map((tier) => redis.hget(`bull:${queueName(tier)}:meta`, 'concurrency')))).toEqual(['1', '2', '100', '4']);
  });

  it('at very many sees the oldest, and describes what is still there in its order', async () => {
    const queue = producer();
    const tasks = Array.from({ length: 2100 }, (_, index) => `task-${index}`);
    await queue.addBulk(tasks.map((taskId) => ({ name: JOB_NAME, data: PAYLOAD, opts: { jobId: taskId } })));
    const { queues } = tierQueues();
    const seen = await waiting(queues);
    expect(seen).toEqual(tasks.slice(0, 2000));
    // More than are read at once.
    await queue.remove('task-1');
    expect((await queues.describe(TIER, tasks.slice(0, 450))).map(({ task }) => task.taskId)).toEqual(tasks.slice(0, 450).filter((taskId) => taskId !== 'task-1'));
  });

  it('describes what runs with the time of its start, and overlooks jobs that are none of ours', async () => {
    const queue = producer();
    for (const taskId of ['runs', 'waits']) await add(queue, taskId);
    for (const [taskId, data] of [['empty', '{}'], ['torn', '{"pipeline'], ['null', 'null']] as const) await redis.multi().hset(key(taskId), 'data', data).lpush(key('wait'), taskId).exec();
    const { queues, unreadable } = tierQueues();
    const from = Date.now();
    await queues.take(TIER, ['runs']);
    const [runs, waits, ...more] = await queues.describe(TIER, ['empty', 'runs', 'torn', 'waits', 'null', 'unknown']);
    expect([runs?.task.taskId, waits?.task.taskId, waits?.startedAt, more]).toEqual(['runs', 'waits', undefined, []]);
    expect(runs?.startedAt).toBeGreaterThanOrEqual(from);
    expect(unreadable).toEqual(['empty', 'torn', 'null']);
  });
});
