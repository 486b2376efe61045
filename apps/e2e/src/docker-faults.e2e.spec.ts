/** What the Docker daemon does to tasks, seen from outside: both apps, and a daemon of the test's own to end, freeze and fill. */
import { open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DockerDaemonFixture, SmallDisk, waitFor } from '@function-runner/testing';
import type { Editor } from './editor/editor.js';
import { checkInvariants } from './invariants/invariants.js';
import { nodeImage, PUPPET, type PuppetParameters } from './puppet/puppet-pipelines.js';
import { call } from './rest/call.js';
import type { AppProcess } from './stack/app-process.js';
import { RunnerStack, type TestProject } from './stack/runner-stack.js';

const TEST_MS = 240_000;

/** A restart of the daemon, what it makes of the containers, and the task's next attempt, on a busy machine. */
const RECOVERY_MS = 90_000;

let daemon: DockerDaemonFixture;
let stack: RunnerStack;
let editor: Editor;

/** A whole runner on a daemon of its own, for the tests of one `describe`. */
function onDaemon(start: () => Promise<DockerDaemonFixture>): void {
  beforeAll(async () => {
    daemon = await start();
    await daemon.load(await nodeImage());
    stack = await RunnerStack.start({ daemon, environment: { DRAIN_TIMEOUT: '500ms' } });
  }, TEST_MS);
  beforeEach(async () => {
    editor = await stack.editor();
  });
  afterEach(() => checkInvariants(stack), TEST_MS);
  afterAll(async () => {
    await stack.stop();
    await daemon.end();
  }, TEST_MS);
}

function worker(): AppProcess {
  const [only] = stack.workers;
  if (only === undefined) throw new Error('this stack has no worker');
  return only;
}

async function startPuppet(project: TestProject, parameters: PuppetParameters, nodeType: string = PUPPET.plain): Promise<string> {
  return (await editor.start({ projectId: project.id, nodeType, parameters })).taskId;
}

/** Starts a puppet that waits at its gate, and waits until it does. */
async function startWaiting(project: TestProject, gate: string, nodeType: string = PUPPET.plain): Promise<string> {
  const taskId = await startPuppet(project, { gate }, nodeType);
  await editor.reached(taskId, ({ status, progress }) => status === 'running' && progress >= 50);
  return taskId;
}

async function takesOf(project: TestProject): Promise<string[]> {
  return readdir(stack.onDisk(`/workspace/${project.name}/outputs/renders/node-1`));
}

/** What readiness says of Docker: nothing while all is well. */
async function dockerFault(): Promise<string | undefined> {
  const { error } = (await (await fetch(`${worker().url}/health/ready`)).json()) as { error: Record<string, { message: string }> };
  return error['docker']?.message;
}

async function statusOf(taskId: string): Promise<string> {
  return ((await call(stack.api, 'GET', `/v1/tasks/${taskId}`)).body as { status: string }).status;
}

describe('a daemon without live-restore', () => {
  onDaemon(() => DockerDaemonFixture.start());

  it.each(['stop', 'kill'] as const)('that restarts mid-run (%s): the task is put back, runs again, and makes one take', async (how) => {
    const project = await stack.project();
    const taskId = await startWaiting(project, 'go');
    await daemon[how]();
    expect(daemon.running).toBe(false);
    await waitFor('readiness to name Docker', dockerFault);
    await daemon.start();
    await editor.reached(taskId, ({ status, attempt }) => status === 'running' && attempt === 2, RECOVERY_MS);
    expect(await stack.containers.present()).toEqual([`${taskId}.2`]);
    await stack.open(project, 'go');
    expect(await editor.success(taskId)).toMatchObject({ attempt: 2 });
    expect(await takesOf(project)).toEqual([taskId]);
  }, TEST_MS);

  it('that is unresponsive: nothing is taken and readiness says so, until it answers again', async () => {
    const project = await stack.project();
    daemon.freeze();
    try {
      await waitFor('readiness to name Docker', dockerFault);
      const taskId = await startPuppet(project, {});
      // One that came after it is cancelled in its queue: had a worker taken it, that would hang now.
      const other = await startPuppet(project, {});
      expect(await editor.ask('cancel_generation', { taskId: other })).toEqual({ taskId: other, status: 'cancelled' });
      expect(await statusOf(taskId)).toBe('queued');
      daemon.resume();
      expect(await editor.success(taskId, RECOVERY_MS)).toMatchObject({ attempt: 1 });
      await waitFor('readiness to be well', async () => (await fetch(`${worker().url}/health/ready`)).ok);
    } finally {
      daemon.resume();
    }
  }, TEST_MS);

  it('that freezes mid-run and thaws does the task no harm', async () => {
    const project = await stack.project();
    const taskId = await startWaiting(project, 'go');
    daemon.freeze();
    try {
      await waitFor('readiness to name Docker', dockerFault);
      await stack.open(project, 'go');
    } finally {
      daemon.resume();
    }
    expect(await editor.success(taskId, RECOVERY_MS)).toMatchObject({ attempt: 1 });
  }, TEST_MS);
});

describe('a daemon with live-restore', () => {
  onDaemon(() => DockerDaemonFixture.start({ liveRestore: true }));

  it('that restarts mid-run: the same attempt goes on, and its result is right', async () => {
    const project = await stack.project();
    const taskId = await startWaiting(project, 'go');
    await daemon.stop();
    expect(daemon.running).toBe(false);
    await daemon.start();
    expect(await stack.containers.present()).toEqual([`${taskId}.1`]);
    await waitFor('the worker to hear the container again', () => worker().log.includes('heard out from its log'));
    await stack.open(project, 'go');
    expect(await editor.success(taskId, RECOVERY_MS)).toMatchObject({ attempt: 1, result: { outputs: [{ path: 'note.txt' }] } });
    const steps = editor.story(taskId).flatMap(({ payload }) => ('step' in payload && payload.step?.startsWith('step ') === true ? [payload.step] : []));
    expect(new Set(steps).size).toBe(steps.length);
    expect(await takesOf(project)).toEqual([taskId]);
  }, TEST_MS);

  it('that restarts under a task which runs too long: it still fails with TIMEOUT', async () => {
    const taskId = await startWaiting(await stack.project(), 'never', PUPPET.hurried);
    await daemon.stop();
    expect(daemon.running).toBe(false);
    await daemon.start();
    expect(await editor.failure(taskId, RECOVERY_MS)).toMatchObject({ code: 'TIMEOUT', attempt: 1 });
  }, TEST_MS);

  it('that restarts under a task which is cancelled meanwhile: it is cancelled, and its container gone', async () => {
    const taskId = await startWaiting(await stack.project(), 'never');
    await daemon.stop();
    expect(await editor.ask('cancel_generation', { taskId })).toMatchObject({ taskId });
    await daemon.start();
    expect(await editor.ending(taskId, RECOVERY_MS)).toMatchObject({ name: 'task_cancelled' });
  }, TEST_MS);

  it('that is away when its worker is told to end: that puts the task back and ends, and the next one finishes it', async () => {
    const project = await stack.project();
    const taskId = await startWaiting(project, 'go');
    const first = worker();
    await daemon.stop();
    first.signal('SIGTERM');
    await daemon.start();
    await first.ended;
    stack.workers.splice(stack.workers.indexOf(first), 1);
    await stack.addWorker();
    await editor.reached(taskId, ({ status, attempt }) => status === 'running' && attempt === 2, RECOVERY_MS);
    await stack.open(project, 'go');
    expect(await editor.success(taskId)).toMatchObject({ attempt: 2 });
    expect(await takesOf(project)).toEqual([taskId]);
  }, TEST_MS);
});

describe('a disk full in Docker’s own root', () => {
  let disk: SmallDisk;

  onDaemon(async () => {
    const mounted = await SmallDisk.mount({ size: '400m' });
    if (mounted === undefined) throw new Error('this test mounts a small disk, for which it must be root');
    disk = mounted;
    return DockerDaemonFixture.start({ dataRoot: join(disk.path, 'docker') });
  });
  afterAll(() => disk.remove(), TEST_MS);

  it('no container can be made: the task waits, no other is taken, readiness says so, and all goes on once there is room', async () => {
    const project = await stack.project();
    const filling = join(disk.path, 'filling');
    await fill(filling);
    const taskId = await startPuppet(project, {});
    const why = await waitFor('readiness to name Docker', dockerFault);
    expect(why).toMatch(/the disk of the container engine is full .*no space left on device.*free some space/);
    const other = await startPuppet(project, {});
    await rm(filling);
    for (const id of [taskId, other]) await editor.success(id, RECOVERY_MS);
    // What failed was taken once and no more: of the other nothing was tried while there was no room.
    expect(editor.story(other).at(-1)?.payload).toMatchObject({ attempt: 1 });
  }, TEST_MS);
});

/** Leaves not a byte free on the disk of this new file. */
async function fill(path: string): Promise<void> {
  const file = await open(path, 'w');
  try {
    for (let size = 1024 * 1024; size >= 4096; size /= 2) {
      for (let wrote = size; wrote === size; ) {
        wrote = (await file.write(Buffer.alloc(size)).catch((error: NodeJS.ErrnoException) => {
          if (error.code !== 'ENOSPC') throw error;
          return { bytesWritten: 0 };
        })).bytesWritten;
      }
    }
  } finally {
    await file.close();
  }
}
