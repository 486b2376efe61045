/** What breaks: pipelines, clients, workers, apis. A task ends once all the same, and nothing is left of it. */
import { readdir } from 'node:fs/promises';
import { waitFor } from '@function-runner/testing';
import type { TaskResumedPayload } from '@function-runner/progress-protocol';
import type { Editor } from './editor/editor.js';
import { checkInvariants } from './invariants/invariants.js';
import { PUPPET, type PuppetParameters } from './puppet/puppet-pipelines.js';
import { call } from './rest/call.js';
import type { AppProcess } from './stack/app-process.js';
import { RunnerStack, type TestProject } from './stack/runner-stack.js';

/** A dead worker's lock lasts 5 s, then another one finds its job; the rest of the time is for a busy machine. */
const RECOVERY_MS = 40_000;
const TEST_MS = 90_000;

const NANOSECONDS = 1_000_000_000;

let stack: RunnerStack;
let editor: Editor;

beforeAll(async () => {
  stack = await RunnerStack.start({ apis: 2, workers: 0 });
}, TEST_MS);
beforeEach(async () => {
  editor = await stack.editor();
});
afterAll(() => stack.stop());

async function startPuppet(project: TestProject, parameters: PuppetParameters, nodeType: string = PUPPET.plain): Promise<string> {
  return (await editor.start({ projectId: project.id, nodeType, parameters })).taskId;
}

/** Starts a puppet that waits at its gate, and waits until it does. */
async function startWaiting(project: TestProject, gate: string): Promise<string> {
  const taskId = await startPuppet(project, { gate });
  await editor.reached(taskId, ({ status, progress }) => status === 'running' && progress >= 50);
  return taskId;
}

async function takesOf(project: TestProject): Promise<string[]> {
  return readdir(stack.onDisk(`/workspace/${project.name}/outputs/renders/node-1`));
}

describe('a pipeline', () => {
  let worker: AppProcess;

  beforeAll(async () => {
    worker = await stack.addWorker();
  }, TEST_MS);
  afterEach(() => checkInvariants(stack));
  afterAll(async () => {
    await worker.stop();
  });

  it('that runs too long, and will not hear SIGTERM, is killed after its grace and fails with TIMEOUT', async () => {
    const taskId = await startPuppet(await stack.project(), { gate: 'never', ignore_term: true }, PUPPET.hurried);
    const failure = await editor.failure(taskId);
    expect(failure).toMatchObject({ code: 'TIMEOUT', retryable: true, attempt: 1 });
    expect(failure.error).toMatch(/^the run took longer than 2 s, .*raise timeout_seconds/);
    // It was told, and went on: what ended it was SIGKILL.
    expect(failure.logTail).toContain('SIGTERM is ignored');
    const events = (await stack.containers.events(taskId)).filter(({ action }) => action === 'start' || action === 'kill');
    expect(events.map(({ action, signal }) => signal ?? action)).toEqual(['start', '15', '9']);
    // No sooner than its time-out of 2 s and its grace of 1 s say; how much later is this machine's business.
    const [start = 0, term = 0, kill = 0] = events.map(({ time }) => Number(time - (events[0]?.time ?? 0n)) / NANOSECONDS);
    expect(start).toBe(0);
    expect(term).toBeGreaterThan(1.9);
    expect(kill - term).toBeGreaterThan(0.9);
  }, TEST_MS);

  it('that wants more memory than it may have is tried once more with twice as much, and fails with OUT_OF_MEMORY', async () => {
    const taskId = await startPuppet(await stack.project(), { memory_mib: 400 }, PUPPET.tight);
    const failure = await editor.failure(taskId);
    expect(failure).toMatchObject({ code: 'OUT_OF_MEMORY', retryable: false, attempt: 2 });
    expect(failure.error).toMatch(/memory limit of 192 MiB .*give it more in its pipeline\.json/);
    expect(editor.story(taskId).map(({ payload }) => ('step' in payload ? payload.step : ''))).toContain('ran out of memory; waiting to try once more with 192 MiB');
    expect((await stack.containers.events(taskId)).map(({ action }) => action)).toContain('oom');
  }, TEST_MS);

  it('that exits with an error fails with CONTAINER_EXITED, its code and the end of its log', async () => {
    const log = Array.from({ length: 300 }, (_, line) => `line ${line + 1}`);
    const failure = await editor.failure(await startPuppet(await stack.project(), { log, exit_code: 3 }));
    expect(failure).toMatchObject({ code: 'CONTAINER_EXITED', error: 'the pipeline ended with exit code 3; its last line: line 300' });
    expect(failure.logTail.at(-1)).toBe('line 300');
    const kept = failure.logTail.slice(1);
    expect(failure.logTail[0]).toBe(`… ${300 - kept.length} earlier lines`);
    expect(kept).toEqual(log.slice(-kept.length));
  }, TEST_MS);

  it('that leaves nothing fails with OUTPUT_MISSING', async () => {
    const failure = await editor.failure(await startPuppet(await stack.project(), { output: false }));
    expect(failure).toMatchObject({ code: 'OUTPUT_MISSING', error: expect.stringContaining('left nothing in its output folder') as string });
  }, TEST_MS);

  it('whose image is on no host fails with IMAGE_NOT_AVAILABLE and what to do', async () => {
    const taskId = await startPuppet(await stack.project(), {}, PUPPET.absent);
    const failure = await editor.failure(taskId);
    expect(failure).toMatchObject({ code: 'IMAGE_NOT_AVAILABLE', retryable: false });
    expect(failure.error).toMatch(/^the image function-runner\/no-such-image:1\.0 is not on this host .*load it with "docker load", build it, or name another image/);
    expect(await stack.containers.events(taskId)).toEqual([]);
  }, TEST_MS);
});

describe('a client', () => {
  let worker: AppProcess;

  beforeAll(async () => {
    worker = await stack.addWorker();
  }, TEST_MS);
  afterEach(() => checkInvariants(stack));
  afterAll(async () => {
    await worker.stop();
  });

  it('that goes away stops nothing, and is told the rest when it is back', async () => {
    const project = await stack.project();
    const taskId = await startWaiting(project, 'go');
    const seen = editor.story(taskId);
    editor.close();
    await stack.open(project, 'go');
    await waitFor('the task to end with nobody listening', async () => ((await call(stack.api, 'GET', `/v1/tasks/${taskId}`)).body as { status: string }).status === 'completed');
    const back = await stack.editor();
    const lastSeq = seen.at(-1)?.payload.seq ?? 0;
    expect(await back.ask<TaskResumedPayload>('resume_task', { taskId, lastSeq })).toMatchObject({ status: 'completed' });
    await back.success(taskId);
    const whole = [...seen, ...back.story(taskId)];
    expect(whole.map(({ payload }) => payload.seq)).toEqual(whole.map((_, index) => index + 1));
  }, TEST_MS);

  it('whose project has an unknown quality is served as standard, which is logged once', async () => {
    const project = await stack.project('cinematic');
    for (const nodeId of ['a', 'b']) {
      const acknowledged = await editor.start({ projectId: project.id, nodeId, nodeType: PUPPET.plain });
      expect(acknowledged.quality).toBe('standard');
      await editor.success(acknowledged.taskId);
    }
    expect(stack.api.log.split('\n').filter((line) => line.includes('cinematic'))).toHaveLength(1);
  }, TEST_MS);
});

describe('a worker', () => {
  const started: AppProcess[] = [];

  async function addWorker(environment: Readonly<Record<string, string>> = {}): Promise<AppProcess> {
    const worker = await stack.addWorker(environment);
    started.push(worker);
    return worker;
  }

  afterEach(async () => {
    try {
      await checkInvariants(stack);
    } finally {
      await Promise.all(started.splice(0).map((worker) => worker.stop()));
    }
  });

  it('that is told to end lets its task finish, is not ready from that moment on, and exits with 0', async () => {
    const worker = await addWorker({ DRAIN_TIMEOUT: '30s' });
    const project = await stack.project();
    const taskId = await startWaiting(project, 'go');
    worker.signal('SIGTERM');
    await waitFor('readiness to be 503', async () => (await fetch(`${worker.url}/health/ready`)).status === 503);
    // Long before it ends: its task still waits for the gate.
    expect(await call(stack.api, 'GET', `/v1/tasks/${taskId}`)).toMatchObject({ body: { status: 'running', attempt: 1 } });
    expect((await fetch(`${worker.url}/health/live`)).status).toBe(200);
    await stack.open(project, 'go');
    expect(await editor.success(taskId)).toMatchObject({ attempt: 1 });
    expect(await worker.ended).toEqual({ code: 0, signal: null });
  }, TEST_MS);

  it.each([
    { how: 'whose time to end is over', drain: '500ms', again: undefined },
    { how: 'that is told to end twice', drain: '60s', again: 'SIGTERM' as const },
    { how: 'that is told to end, and then interrupted (SIGINT),', drain: '60s', again: 'SIGINT' as const },
  ])('$how puts its task back untouched, and another worker finishes it', async ({ drain, again }) => {
    const first = await addWorker({ DRAIN_TIMEOUT: drain });
    const project = await stack.project();
    const taskId = await startWaiting(project, 'go');
    first.signal('SIGTERM');
    if (again !== undefined) {
      await waitFor('the drain to begin', async () => (await fetch(`${first.url}/health/ready`)).status === 503);
      first.signal(again);
    }
    expect(await first.ended).toEqual({ code: 0, signal: null });
    expect(await stack.containers.present()).toEqual([]);
    await editor.reached(taskId, ({ status, seq }) => status === 'queued' && seq > 1);
    await addWorker();
    await editor.reached(taskId, ({ status, attempt }) => status === 'running' && attempt === 2);
    await stack.open(project, 'go');
    expect(await editor.success(taskId)).toMatchObject({ attempt: 2, result: { metadata: { attempt: 2 } } });
    expect(await takesOf(project)).toEqual([taskId]);
  }, TEST_MS);

  it('that is killed loses its task to another, which first removes what it left', async () => {
    const first = await addWorker();
    const project = await stack.project();
    const taskId = await startWaiting(project, 'go');
    await addWorker();
    await first.crash();
    const crashed = performance.now();
    expect(await stack.containers.present()).toEqual([`${taskId}.1`]);
    await editor.reached(taskId, ({ status, attempt }) => status === 'running' && attempt === 2, RECOVERY_MS);
    process.stdout.write(`  a killed worker’s task runs again after ${((performance.now() - crashed) / 1000).toFixed(1)} s\n`);
    expect(await stack.containers.present()).toEqual([`${taskId}.2`]);
    await stack.open(project, 'go');
    expect(await editor.success(taskId)).toMatchObject({ attempt: 2 });
    const events = await stack.containers.events(taskId);
    const [died, began] = [events.find(({ action, attempt }) => action === 'die' && attempt === 1), events.find(({ action, attempt }) => action === 'start' && attempt === 2)];
    expect((died?.time ?? 0n) > 0n && (died?.time ?? 0n) < (began?.time ?? 0n)).toBe(true);
    expect(died?.workerId).not.toBe(began?.workerId);
    expect(await takesOf(project)).toEqual([taskId]);
  }, TEST_MS);

  it('that is killed again and again by a task gives it up with WORKER_LOST', async () => {
    const first = await addWorker({ MAX_WORKER_LOSSES: '1' });
    const project = await stack.project();
    const taskId = await startWaiting(project, 'go');
    await addWorker({ MAX_WORKER_LOSSES: '1' });
    await first.crash();
    const failure = await editor.failure(taskId, RECOVERY_MS);
    expect(failure).toMatchObject({ code: 'WORKER_LOST', retryable: true, attempt: 1, error: expect.stringContaining('look for what it does to them') as string });
  }, TEST_MS);

  it('that is killed, and its task cancelled meanwhile, leaves nothing either', async () => {
    const first = await addWorker();
    const taskId = await startWaiting(await stack.project(), 'never');
    await first.crash();
    expect(await editor.ask('cancel_generation', { taskId })).toEqual({ taskId, status: 'cancelling' });
    await addWorker();
    expect(await editor.ending(taskId, RECOVERY_MS)).toMatchObject({ name: 'task_cancelled', payload: { attempt: 1 } });
  }, TEST_MS);

  it('that freezes loses its task, and does no harm when it thaws', async () => {
    const frozen = await addWorker();
    const project = await stack.project();
    const taskId = await startWaiting(project, 'go');
    await addWorker();
    frozen.signal('SIGSTOP');
    await editor.reached(taskId, ({ status, attempt }) => status === 'running' && attempt === 2, RECOVERY_MS);
    frozen.signal('SIGCONT');
    // It finds its container gone, and must not call that the task's end.
    await waitFor('the frozen worker to let go', () => /attempt given up|attempt ends/.test(frozen.log.split('\n').filter((line) => line.includes(taskId)).join('\n')));
    await stack.open(project, 'go');
    expect(await editor.success(taskId)).toMatchObject({ attempt: 2 });
    expect(frozen.alive).toBe(true);
    expect(await takesOf(project)).toEqual([taskId]);
  }, TEST_MS);

  it('shares max_concurrent with all others', async () => {
    await addWorker({ WORKER_CONCURRENCY: '4' });
    await addWorker({ WORKER_CONCURRENCY: '4' });
    const project = await stack.project('standard');
    const ids = await Promise.all(Array.from({ length: 6 }, () => startPuppet(project, { gate: 'go' })));
    const running = (): number => ids.filter((taskId) => editor.story(taskId).some(({ payload }) => payload.status === 'running' && payload.progress >= 50)).length;
    await waitFor('two to run', () => running() === 2);
    expect(await stack.containers.present()).toHaveLength(2);
    await stack.open(project, 'go');
    await Promise.all(ids.map((taskId) => editor.success(taskId)));
    expect(await stack.containers.mostAtOnce(ids)).toBe(2);
  }, TEST_MS);
});

describe('Redis', () => {
  let worker: AppProcess;

  beforeAll(async () => {
    worker = await stack.addWorker();
  }, TEST_MS);
  afterEach(() => checkInvariants(stack));
  afterAll(async () => {
    await worker.stop();
  });

  it('that forgets its scripts and cuts off its subscribers costs nobody an event', async () => {
    const project = await stack.project();
    const follower = await stack.editor(stack.apis[1]);
    await follower.ask('subscribe_project', { projectId: project.id });
    const taskId = await startWaiting(project, 'go');
    await stack.redis.script('FLUSH');
    expect(Number(await stack.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub'))).toBeGreaterThan(2);
    await stack.open(project, 'go');
    await Promise.all([editor.success(taskId), follower.success(taskId)]);
    expect(follower.story(taskId)).toEqual(editor.story(taskId));
  }, TEST_MS);

  it('that restarts while a task runs loses nothing of it', async () => {
    const project = await stack.project();
    const taskId = await startWaiting(project, 'go');
    await stack.redisServer.halt();
    await stack.open(project, 'go');
    // It ends while there is no Redis to tell.
    await waitFor('the container to be gone', async () => (await stack.containers.present()).length === 0);
    await stack.redisServer.resume();
    await editor.success(taskId);
    await Promise.all([stack.api.ready(), worker.ready()]);
  }, TEST_MS);
});
