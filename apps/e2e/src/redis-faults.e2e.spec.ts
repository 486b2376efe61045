/**
 * What befalls Redis while both apps run: rows of the faults' section A. A restart while a task runs, a flush of the scripts
 * and the loss of the pub/sub connections alone are in faults.e2e.spec.ts.
 */
import { readdir, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { RedisFixture, SentinelFixture, TcpProxy, waitFor } from '@function-runner/testing';
import type { Editor } from './editor/editor.js';
import { checkInvariants } from './invariants/invariants.js';
import { keysLike } from './invariants/keys-like.js';
import { PUPPET, type PuppetParameters } from './puppet/puppet-pipelines.js';
import { call } from './rest/call.js';
import { AppProcess } from './stack/app-process.js';
import { RunnerStack, type TestProject } from './stack/runner-stack.js';

const TEST_MS = 120_000;

/** A task may have to wait until a lock has run out, and for a reconnect; both twice over on a busy machine. */
const RECOVERY_MS = 60_000;

/** How long Redis is stopped: over the 5 s of a lock, and over the pulse of a connection. */
const FROZEN_MS = 9000;

let stack: RunnerStack;
let editor: Editor;

async function startPuppet(project: TestProject, parameters: PuppetParameters, client = editor): Promise<string> {
  return (await client.start({ projectId: project.id, nodeType: PUPPET.plain, parameters })).taskId;
}

/** Starts a puppet that waits at its gate, and waits until it does. */
async function startWaiting(project: TestProject, gate = 'go'): Promise<string> {
  const taskId = await startPuppet(project, { gate });
  await editor.reached(taskId, ({ status, progress }) => status === 'running' && progress >= 50);
  return taskId;
}

async function takesOf(project: TestProject): Promise<string[]> {
  return readdir(stack.onDisk(`/workspace/${project.name}/outputs/renders/node-1`));
}

/** Waits until an app's readiness says that Redis cannot be used, and why. @throws Error with what it says instead */
async function redisIsDown(app: AppProcess, why = /./, timeoutMs = 20_000): Promise<void> {
  await waitFor(`the ${app.name} to complain of Redis: ${String(why)}`, async () => {
    const { status, body } = await call(app, 'GET', '/health/ready');
    const { redis } = (body as { details: Record<string, { status: string; message?: string }> }).details;
    if (status === 503 && redis?.status === 'down' && why.test(redis.message ?? ' ')) return true;
    throw new Error(`it says ${status}, ${JSON.stringify(redis)}`);
  }, timeoutMs);
}

async function areReady(): Promise<void> {
  for (const app of [...stack.apis, ...stack.workers]) await app.ready();
}

/** How often Redis has answered so, or has been asked for that, since it started. */
async function count(section: 'errorstats' | 'commandstats', name: string): Promise<number> {
  return Number(new RegExp(`^${name.replace('|', '\\|')}:(?:count|calls)=(\\d+)`, 'm').exec(await stack.redis.info(section))?.[1] ?? 0);
}

const lines = ({ log }: AppProcess): number => log.split('\n').length;

describe('a Redis', () => {
  let worker: AppProcess;

  beforeAll(async () => {
    stack = await RunnerStack.start({ environment: { WORKER_CONCURRENCY: '1' } });
    [worker] = stack.workers as [AppProcess];
  }, TEST_MS);
  beforeEach(async () => {
    editor = await stack.editor();
  });
  afterEach(() => checkInvariants(stack));
  afterAll(() => stack.stop());

  it.each([
    { what: 'may evict tasks (a wrong maxmemory-policy)', spoil: ['maxmemory-policy', 'allkeys-lru'], mend: ['maxmemory-policy', 'noeviction'], why: /maxmemory-policy is allkeys-lru.*CONFIG SET maxmemory-policy noeviction/ },
    { what: 'keeps nothing (persistence off)', spoil: ['appendonly', 'no'], mend: ['appendonly', 'yes'], why: /persistence is off.*CONFIG SET appendonly yes.*REDIS_ALLOW_NO_PERSISTENCE=true/ },
  ])('that $what is refused: no task is accepted, and none taken, until it is mended', async ({ spoil, mend, why }) => {
    const project = await stack.project();
    const running = await startWaiting(project);
    const waiting = await startPuppet(project, {});
    await stack.redis.config('SET', ...(spoil as [string, string]));
    const late = await AppProcess.spawn('api', stack.folder, stack.environmentFor());
    try {
      // Noticed at run time, and by one that starts now.
      for (const app of [stack.api, worker, late]) await redisIsDown(app, why);
      expect(await editor.refused({ nodeId: 'late', nodeType: PUPPET.plain, projectId: project.id, parameters: {} })).toMatchObject({ code: 'UNAVAILABLE', error: expect.stringMatching(why) as string });
      expect(await call(late, 'POST', '/v1/generations', { nodeId: 'late', nodeType: PUPPET.plain, projectId: project.id, parameters: {} })).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } });
      // What runs goes on to its end, and makes a place that nobody fills.
      await stack.open(project, 'go');
      await editor.success(running);
      const asked = await count('commandstats', 'cmdstat_config|get');
      await waitFor('everybody to have looked several times more', async () => (await count('commandstats', 'cmdstat_config|get')) > asked + 30);
      expect(editor.story(waiting).map(({ payload }) => payload.status)).not.toContain('preparing');
    } finally {
      await stack.redis.config('SET', ...(mend as [string, string]));
      await late.stop();
    }
    expect(await editor.success(waiting)).toMatchObject({ attempt: 1 });
    await areReady();
  }, TEST_MS);

  it('that is full (OOM under noeviction) takes no task and fails none: the running one ends well once there is room', async () => {
    const project = await stack.project();
    const taskId = await startWaiting(project);
    const logged = { api: lines(stack.api), worker: lines(worker) };
    const from = performance.now();
    await stack.redis.config('SET', 'maxmemory', '1');
    try {
      for (const app of [stack.api, worker]) await redisIsDown(app, /it is full/);
      expect(await editor.refused({ nodeId: 'late', nodeType: PUPPET.plain, projectId: project.id, parameters: {} })).toMatchObject({ code: 'UNAVAILABLE' });
      await stack.open(project, 'go');
      await waitFor('the container to be gone', async () => (await stack.containers.present()).length === 0);
      const refused = await count('errorstats', 'errorstat_OOM');
      await waitFor('many writes to be refused', async () => (await count('errorstats', 'errorstat_OOM')) > refused + 20, RECOVERY_MS);
      expect(editor.story(taskId).at(-1)?.name).toBe('task_progress');
    } finally {
      await stack.redis.config('SET', 'maxmemory', '0');
    }
    const seconds = (performance.now() - from) / 1000;
    expect(await editor.success(taskId)).toMatchObject({ attempt: 1 });
    await areReady();
    // Bounded: a line for each try to write the end, one a second, and few besides.
    for (const [app, before] of [[stack.api, logged.api], [worker, logged.worker]] as const) expect(lines(app) - before).toBeLessThan(10 + 3 * seconds);
    expect(await takesOf(project)).toEqual([taskId]);
  }, TEST_MS);

  it('whose event streams are trimmed costs nobody an event: nothing is read from them', async () => {
    const project = await stack.project();
    const running = await startWaiting(project);
    const waiting = await startPuppet(project, {});
    const trim = async (): Promise<number> => {
      let gone = 0;
      for (const key of await keysLike(stack.redis, 'bull:quality_*:events')) gone += await stack.redis.xtrim(key, 'MAXLEN', 0);
      return gone;
    };
    expect(await trim()).toBeGreaterThan(0);
    await stack.open(project, 'go');
    await editor.success(running);
    await trim();
    await editor.success(waiting);
  }, TEST_MS);

  it.each([
    { when: 'while it is frozen', early: true },
    { when: 'after it has thawed', early: false },
  ])('that is frozen for longer than a lock lasts costs no run: the task, whose container ends $when, has one end and one take', async ({ early }) => {
    const other = await stack.addWorker();
    const project = await stack.project();
    const taskId = await startWaiting(project);
    process.kill(stack.redisServer.pid, 'SIGSTOP');
    try {
      await redisIsDown(stack.api);
      if (early) {
        await stack.open(project, 'go');
        await waitFor('the container to be gone', async () => (await stack.containers.present()).length === 0);
      }
      await new Promise((resolve) => setTimeout(resolve, FROZEN_MS));
    } finally {
      process.kill(stack.redisServer.pid, 'SIGCONT');
    }
    await areReady();
    if (!early) await stack.open(project, 'go');
    await editor.success(taskId, RECOVERY_MS);
    expect(await takesOf(project)).toEqual([taskId]);
    await other.stop();
    stack.workers.splice(stack.workers.indexOf(other), 1);
  }, TEST_MS);
});

it('a Redis that is killed, and loses its last second, gets the lost tasks again by the same requests, each once', async () => {
  stack = await RunnerStack.start({ workers: 0 });
  try {
    const project = await stack.project();
    const submit = async (requestId: string): Promise<string> => {
      const { status, body } = await call(stack.api, 'POST', '/v1/generations', { nodeId: 'node-1', nodeType: PUPPET.plain, projectId: project.id, parameters: {}, requestId });
      expect(status).toBe(202);
      return (body as { taskId: string }).taskId;
    };
    const kept = [await submit('kept-1'), await submit('kept-2')];
    // What a crash of the machine takes with it: all that was written since the last fsync.
    const folder = join(String(Object.values((await stack.redis.config('GET', 'dir')) as object).at(-1)), 'appendonlydir');
    const file = join(folder, (await readdir(folder)).find((name) => name.endsWith('.incr.aof')) ?? '');
    await waitFor('all to be in the file', async () => (await stack.redis.info('persistence')).includes('aof_buffer_length:0'));
    const { size } = await stat(file);
    const lost = [await submit('lost-1'), await submit('lost-2')];
    await stack.redisServer.halt('SIGKILL');
    expect((await stat(file)).size).toBeGreaterThan(size);
    await truncate(file, size);
    await stack.redisServer.resume();
    await stack.api.ready();
    for (const taskId of lost) expect(await call(stack.api, 'GET', `/v1/tasks/${taskId}`)).toMatchObject({ status: 404, body: { code: 'TASK_NOT_FOUND' } });
    expect([await submit('kept-1'), await submit('kept-2')]).toEqual(kept);
    const again = [await submit('lost-1'), await submit('lost-2')];
    expect([await submit('lost-1'), await submit('lost-2')]).toEqual(again);
    editor = await stack.editor();
    await stack.addWorker();
    for (const taskId of [...kept, ...again]) {
      await editor.ask('resume_task', { taskId, lastSeq: 0 });
      await editor.success(taskId);
    }
    expect((await takesOf(project)).sort()).toEqual([...kept, ...again].sort());
    expect(await keysLike(stack.redis, 'task:{*}:events')).toHaveLength(4);
    await checkInvariants(stack);
  } finally {
    await stack.stop();
  }
}, TEST_MS);

describe('the way to Redis', () => {
  let proxy: TcpProxy;
  let worker: AppProcess;

  beforeAll(async () => {
    stack = await RunnerStack.start({ apis: 0, workers: 0 });
    proxy = await TcpProxy.start({ port: stack.redisServer.port });
    const REDIS_URL = `redis://127.0.0.1:${proxy.port}`;
    [, worker] = await Promise.all([stack.addApi({ REDIS_URL }), stack.addWorker({ REDIS_URL })]);
  }, TEST_MS);
  beforeEach(async () => {
    editor = await stack.editor();
  });
  afterEach(() => checkInvariants(stack));
  afterAll(async () => {
    await stack.stop();
    await proxy.stop();
  });

  it('that is slow (200 ms a trip) stalls no task and doubles no end', async () => {
    const project = await stack.project();
    proxy.delay(200);
    const probe = new Redis(proxy.port);
    try {
      await probe.ping();
      const from = performance.now();
      await probe.ping();
      expect(performance.now() - from).toBeGreaterThanOrEqual(199);
      const acks: number[] = [];
      const ids: string[] = [];
      for (let task = 0; task < 4; task += 1) {
        const asked = performance.now();
        ids.push(await startPuppet(project, { steps: 20 }));
        acks.push(Math.round(performance.now() - asked));
      }
      for (const taskId of ids) expect(await editor.success(taskId, RECOVERY_MS)).toMatchObject({ attempt: 1 });
      process.stdout.write(`  acknowledged over 200 ms a trip: ${acks.join(', ')} ms\n`);
      expect(Math.max(...acks)).toBeLessThan(5000);
    } finally {
      probe.disconnect();
      proxy.delay(0);
    }
  }, TEST_MS);

  it('that is cut in the midst of answers and events, again and again, loses no event', async () => {
    const project = await stack.project();
    const ids = [await startWaiting(project), await startWaiting(project)];
    const cuts = proxy.cuts;
    // Enough to greet Redis, and a little of the work after it.
    proxy.cutAfter(8000);
    try {
      await stack.open(project, 'go');
      await waitFor('many cuts', () => proxy.cuts >= cuts + 12, RECOVERY_MS);
    } finally {
      proxy.cutAfter(undefined);
    }
    for (const taskId of ids) await editor.success(taskId, RECOVERY_MS);
    expect((await takesOf(project)).sort()).toEqual([...ids].sort());
    // Both have their connections again, as readiness shows, and a new task finds everything in order.
    await areReady();
    await editor.success(await startPuppet(project, {}), RECOVERY_MS);
  }, TEST_MS);

  it('that vanishes without a word (half-open) is noticed within 30 s, and the task goes on', async () => {
    const project = await stack.project();
    const taskId = await startWaiting(project);
    const swallowed = proxy.swallowed;
    proxy.halfOpen();
    const from = performance.now();
    await Promise.all([stack.api, worker].map((app) => redisIsDown(app)));
    expect(proxy.swallowed).toBeGreaterThan(swallowed);
    await areReady();
    const ms = performance.now() - from;
    process.stdout.write(`  both apps were ready ${(ms / 1000).toFixed(1)} s after the connections went dead\n`);
    expect(ms).toBeLessThan(30_000);
    await stack.open(project, 'go');
    await editor.success(taskId, RECOVERY_MS);
    expect(await takesOf(project)).toEqual([taskId]);
  }, TEST_MS);
});

describe('a Redis that lets nobody in', () => {
  const PASSWORD = 'open-barley';
  let worker: AppProcess;
  let environment: Readonly<Record<string, string>>;

  beforeAll(async () => {
    stack = await RunnerStack.start({ apis: 0, workers: 0 });
    await stack.redis.config('SET', 'requirepass', PASSWORD);
    environment = { REDIS_URL: `redis://:${PASSWORD}@127.0.0.1:${stack.redisServer.port}` };
    [, worker] = await Promise.all([stack.addApi(environment), stack.addWorker(environment)]);
  }, TEST_MS);
  beforeEach(async () => {
    editor = await stack.editor();
  });
  afterEach(() => checkInvariants(stack));
  afterAll(() => stack.stop());

  it('since its password was changed makes both apps unready, ends neither, and shows no password; right again, the task ends well', async () => {
    const project = await stack.project();
    const taskId = await startWaiting(project);
    const logged = { api: lines(stack.api), worker: lines(worker) };
    const from = performance.now();
    await stack.redis.config('SET', 'requirepass', 'another');
    expect(Number(await stack.redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'))).toBeGreaterThan(4);
    expect(Number(await stack.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub'))).toBeGreaterThan(1);
    for (const app of [stack.api, worker]) await redisIsDown(app, /the user or the password in REDIS_URL is wrong/);
    expect(await editor.refused({ nodeId: 'late', nodeType: PUPPET.plain, projectId: project.id, parameters: {} })).toMatchObject({ code: 'UNAVAILABLE' });
    await stack.open(project, 'go');
    await waitFor('the container to be gone', async () => (await stack.containers.present()).length === 0);
    const refused = await count('errorstats', 'errorstat_WRONGPASS');
    await waitFor('many tries', async () => (await count('errorstats', 'errorstat_WRONGPASS')) > refused + 20, RECOVERY_MS);
    const seconds = (performance.now() - from) / 1000;
    await stack.redis.config('SET', 'requirepass', PASSWORD);
    await areReady();
    await editor.success(taskId, RECOVERY_MS);
    expect(await takesOf(project)).toEqual([taskId]);
    for (const [app, before] of [[stack.api, logged.api], [worker, logged.worker]] as const) {
      expect(app.log).not.toContain(PASSWORD);
      expect(lines(app) - before).toBeLessThan(20 + 3 * seconds);
    }
  }, TEST_MS);

  it('since TLS does not fit is named as that, without a crash or a password', async () => {
    const url = environment['REDIS_URL']?.replace('redis:', 'rediss:') ?? '';
    const api = await AppProcess.spawn('api', stack.folder, stack.environmentFor({ REDIS_URL: url }));
    try {
      await redisIsDown(api, /a Redis without TLS is silent too, and wants redis:\/\/ in place of rediss:\/\//, RECOVERY_MS);
      expect(api.alive).toBe(true);
      expect(api.log).not.toContain(PASSWORD);
    } finally {
      await api.stop();
    }
  }, TEST_MS);
});

describe('a failover', () => {
  let replica: RedisFixture;
  let sentinel: SentinelFixture;
  let atReplica: Redis;
  let atSentinel: Redis;

  beforeAll(async () => {
    stack = await RunnerStack.start({ apis: 0, workers: 0 });
    replica = await RedisFixture.start();
    atReplica = new Redis(replica.url);
    await atReplica.call('REPLICAOF', '127.0.0.1', String(stack.redisServer.port));
    sentinel = await SentinelFixture.start(stack.redisServer.port);
    atSentinel = new Redis(sentinel.url);
    await isInStep(atReplica);
    await isKnown(replica.port);
    const environment = { REDIS_URL: sentinel.primaryUrl };
    await Promise.all([stack.addApi(environment), stack.addWorker(environment)]);
  }, TEST_MS);
  beforeEach(async () => {
    editor = await stack.editor();
  });
  afterEach(() => checkInvariants(stack));
  afterAll(async () => {
    await stack.stop();
    for (const redis of [atReplica, atSentinel]) redis.disconnect();
    await sentinel.stop();
    await replica.stop();
  });

  const isInStep = (redis: Redis): Promise<true> => waitFor('a replica in step', async () => (await redis.info('replication')).includes('master_link_status:up'), RECOVERY_MS);
  const isPrimary = (redis: Redis): Promise<true> => waitFor('another primary one', async () => (await redis.info('replication')).includes('role:master'), RECOVERY_MS);
  const isKnown = (port: number): Promise<true> => waitFor('the Sentinel to know the replica', async () => {
    const text = JSON.stringify(await atSentinel.call('SENTINEL', 'REPLICAS', 'main'));
    return text.includes(String(port)) && !text.includes('s_down');
  }, RECOVERY_MS);

  it('to a replica, through Sentinel, when the primary one is killed and when it is demoted: the apps follow, and the tasks end well', async () => {
    const project = await stack.project();
    const first = await startWaiting(project, 'one');
    await stack.redis.set('all-before-this', 'is with the replica');
    expect(await stack.redis.wait(1, 10_000)).toBe(1);
    await stack.redisServer.halt('SIGKILL');
    await isPrimary(atReplica);
    await areReady();
    await stack.open(project, 'one');
    await editor.success(first, RECOVERY_MS);
    const second = await startWaiting(project, 'two');

    // The killed one comes back as a replica, and is made the primary one again while the other lives: that one is demoted.
    await stack.redisServer.resume();
    await isInStep(stack.redis);
    await isKnown(stack.redisServer.port);
    await waitFor('the Sentinel to begin', async () => (await atSentinel.call('SENTINEL', 'FAILOVER', 'main')) === 'OK', RECOVERY_MS);
    await isPrimary(stack.redis);
    await waitFor('the other to be a replica', async () => (await atReplica.info('replication')).includes('role:slave'), RECOVERY_MS);
    await areReady();
    await stack.open(project, 'two');
    await editor.success(second, RECOVERY_MS);
    await editor.success(await startPuppet(project, {}), RECOVERY_MS);
    expect(await takesOf(project)).toHaveLength(3);
  }, 2 * TEST_MS);
});
