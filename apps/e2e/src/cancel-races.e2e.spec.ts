/**
 * Cancels that race every phase of a task. Whoever wins: a task ends once, in a way that its last words allow; every cancel of it is
 * answered with what is true, however often it is asked; and nothing of the run is left.
 */
import { existsSync } from 'node:fs';
import { waitFor } from '@function-runner/testing';
import type { CancelAcknowledgedPayload } from '@function-runner/progress-protocol';
import type { Editor, TaskEnding } from './editor/editor.js';
import { checkInvariants } from './invariants/invariants.js';
import { PUPPET, type PuppetParameters } from './puppet/puppet-pipelines.js';
import { call } from './rest/call.js';
import { RunnerStack, type TestProject } from './stack/runner-stack.js';

const TEST_MS = 120_000;
const END_MS = 60_000;

/** Tries to catch a task in a phase that lasts some hundredths of a second. */
const ROUNDS = 12;

/** The ends that may follow what a cancel was answered with: a run that is being stopped may have made its take already. */
const ENDS: Readonly<Record<string, readonly TaskEnding['name'][]>> = {
  cancelling: ['task_cancelled', 'task_success'], cancelled: ['task_cancelled'], completed: ['task_success'], failed: ['task_failed'],
};

let stack: RunnerStack;
let editor: Editor;
let project: TestProject;

beforeAll(async () => {
  stack = await RunnerStack.start({ apis: 2, workers: 1 });
}, TEST_MS);
beforeEach(async () => {
  editor = await stack.editor();
  project = await stack.project();
});
afterEach(() => checkInvariants(stack));
afterAll(() => stack.stop());

async function start(parameters: PuppetParameters = {}, nodeType: string = PUPPET.plain, of = project): Promise<string> {
  return (await editor.start({ projectId: of.id, nodeType, parameters })).taskId;
}

async function cancel(taskId: string, by = editor): Promise<string> {
  return (await by.ask<CancelAcknowledgedPayload>('cancel_generation', { taskId })).status;
}

/** The phases that a task has gone through, as its client heard them. */
function phases(taskId: string): string[] {
  const statuses = editor.story(taskId).map(({ payload }) => payload.status);
  return statuses.filter((status, index) => status !== statuses[index - 1]);
}

/** Waits for the end, and holds every answer against it. */
async function expectOneEnd(taskId: string, answers: readonly string[]): Promise<TaskEnding> {
  const ending = await editor.ending(taskId, END_MS);
  for (const answer of answers) expect(ENDS[answer]).toContain(ending.name);
  const story = editor.story(taskId);
  expect(story.map(({ payload }) => payload.seq)).toEqual(story.map((_, index) => index + 1));
  // Asked again, at any api and by any road, it is what it is.
  const other = await stack.editor(stack.apis[1]);
  expect([await cancel(taskId), await cancel(taskId, other)]).toEqual([ending.payload.status, ending.payload.status]);
  expect(await call(stack.api, 'DELETE', `/v1/tasks/${taskId}`)).toMatchObject({ status: 200, body: { taskId, status: ending.payload.status } });
  expect((await call(stack.api, 'GET', `/v1/tasks/${taskId}`)).body).toMatchObject({ status: ending.payload.status, lastSeq: ending.payload.seq });
  return ending;
}

/** Starts tasks and cancels each at a moment, until one was caught in the phase that is meant; each must end well, caught or not. */
async function untilCaught(cancelWhen: (taskId: string) => Promise<unknown>, isCaught: (phases: readonly string[]) => boolean): Promise<boolean> {
  for (let round = 0; round < ROUNDS; round += 1) {
    const taskId = await start({ gate: 'never' });
    await cancelWhen(taskId);
    expect(await expectOneEnd(taskId, [await cancel(taskId)])).toMatchObject({ name: 'task_cancelled' });
    if (isCaught(phases(taskId))) return true;
  }
  return false;
}

describe('cancel_generation', () => {
  it('before the start ends a waiting task at once, and it never runs', async () => {
    const low = await stack.project('low');
    const blocker = await start({ gate: 'go' }, PUPPET.plain, low);
    await editor.reached(blocker, ({ status }) => status === 'running');
    const waiting = await start({}, PUPPET.plain, low);
    expect(await cancel(waiting)).toBe('cancelled');
    expect(await expectOneEnd(waiting, ['cancelled'])).toMatchObject({ payload: { attempt: 0 } });
    await stack.open(low, 'go');
    await editor.success(blocker);
    expect(await stack.containers.events(waiting)).toEqual([]);
  }, TEST_MS);

  it('at the very moment of the start is one or the other', async () => {
    // Sent with the acknowledgement that names the task: a worker may be taking it.
    for (let round = 0; round < ROUNDS; round += 1) {
      const taskId = await start({ gate: 'never' });
      await expectOneEnd(taskId, [await cancel(taskId)]);
      expect(['queued cancelled', 'queued preparing cancelling cancelled', 'queued preparing running cancelling cancelled']).toContain(phases(taskId).join(' '));
    }
  }, TEST_MS);

  it('while it is prepared stops it before anything runs', async () => {
    expect(await untilCaught(
      (taskId) => waitFor('preparing', () => editor.story(taskId).some(({ payload }) => payload.status === 'preparing'), END_MS, 1),
      (passed) => passed.join(' ') === 'queued preparing cancelling cancelled',
    )).toBe(true);
  }, TEST_MS);

  it('while its container is created or started leaves no container', async () => {
    expect(await untilCaught(
      (taskId) => waitFor('its container to be there', async () => (await stack.containers.present()).includes(`${taskId}.1`), END_MS, 1),
      (passed) => passed.includes('cancelling') && !passed.includes('running'),
    )).toBe(true);
    expect(await stack.containers.present()).toEqual([]);
  }, TEST_MS);

  it('of a running task stops it, and its end is told when its container is gone', async () => {
    const taskId = await start({ gate: 'never' });
    await editor.reached(taskId, ({ status, progress }) => status === 'running' && progress >= 50);
    expect(await stack.containers.present()).toEqual([`${taskId}.1`]);
    const answer = await cancel(taskId);
    await editor.ending(taskId);
    expect(await stack.containers.present()).toEqual([]);
    expect(answer).toBe('cancelling');
    expect(await expectOneEnd(taskId, [answer])).toMatchObject({ name: 'task_cancelled' });
  }, TEST_MS);

  it('at the moment of finishing is a success or a cancel, and never both', async () => {
    const ends: string[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const gate = `go-${round}`;
      const taskId = await start({ gate });
      await editor.reached(taskId, ({ status, progress }) => status === 'running' && progress >= 50);
      // Later and later: from before the gate is open to after the last line of the run.
      await stack.open(project, gate);
      if (round % 4 === 1) await waitFor('its last words', () => editor.story(taskId).some(({ payload }) => payload.progress >= 99), END_MS, 1);
      if (round % 4 === 2) await waitFor('its container to be gone', async () => !(await stack.containers.present()).includes(`${taskId}.1`), END_MS, 1);
      if (round % 4 === 3) await waitFor('its take', () => existsSync(stack.onDisk(`/workspace/${project.name}/outputs/renders/node-1/${taskId}`)), END_MS, 1);
      ends.push((await expectOneEnd(taskId, [await cancel(taskId)])).name);
    }
    process.stdout.write(`  cancelled while finishing: ${ends.filter((name) => name === 'task_cancelled').length} were cancelled, ${ends.filter((name) => name === 'task_success').length} had succeeded\n`);
    expect(ends).toContain('task_cancelled');
    expect(ends).toContain('task_success');
  }, TEST_MS);

  it('after the end changes nothing', async () => {
    const [done, failed] = [await start(), await start({ exit_code: 3 })];
    await editor.success(done);
    await editor.failure(failed);
    expect([await cancel(done), await cancel(failed)]).toEqual(['completed', 'failed']);
    await expectOneEnd(done, ['completed']);
    await expectOneEnd(failed, ['failed']);
  }, TEST_MS);

  it('sent many times at once, at both apis, is one cancel', async () => {
    const other = await stack.editor(stack.apis[1]);
    const taskId = await start({ gate: 'never' });
    await editor.reached(taskId, ({ status }) => status === 'running');
    const answers = await Promise.all(Array.from({ length: 10 }, (_, nth) => cancel(taskId, nth % 2 === 0 ? editor : other)));
    expect(await expectOneEnd(taskId, answers)).toMatchObject({ name: 'task_cancelled' });
    expect(editor.story(taskId).filter(({ payload }) => payload.status === 'cancelling')).toHaveLength(1);
  }, TEST_MS);

  it('whose api is killed before it answers is carried out, or asked again', async () => {
    for (const when of ['as it is sent', 'once it is marked']) {
      const api = await stack.addApi();
      const doomed = await stack.editor(api);
      const taskId = await start({ gate: 'never' });
      await editor.reached(taskId, ({ status }) => status === 'running');
      doomed.tell('cancel_generation', { taskId });
      if (when === 'once it is marked') await editor.reached(taskId, ({ status }) => status === 'cancelling');
      await api.crash();
      expect(doomed.named('cancel_acknowledged').length).toBeLessThanOrEqual(1);
      const answer = await cancel(taskId);
      expect(['cancelling', 'cancelled']).toContain(answer);
      expect(await expectOneEnd(taskId, [answer])).toMatchObject({ name: 'task_cancelled' });
    }
  }, TEST_MS);

  it('whose worker is killed between the mark and the stop is carried out by another', async () => {
    // Deaf to SIGTERM, and with a grace of half a minute: it outlives its worker.
    const taskId = await start({ gate: 'never', ignore_term: true }, PUPPET.patient);
    await editor.reached(taskId, ({ step }) => step === 'deaf');
    expect(await cancel(taskId)).toBe('cancelling');
    await editor.reached(taskId, ({ status }) => status === 'cancelling');
    const [worker] = stack.workers.splice(0);
    if (worker === undefined) throw new Error('no worker');
    await worker.crash();
    expect(await stack.containers.present()).toEqual([`${taskId}.1`]);
    expect(phases(taskId)).toEqual(['queued', 'preparing', 'running', 'cancelling']);
    await stack.addWorker();
    const ending = await expectOneEnd(taskId, ['cancelling']);
    expect(ending).toMatchObject({ name: 'task_cancelled', payload: { attempt: 1 } });
    await waitFor('its container to be gone', async () => (await stack.containers.present()).length === 0);
  }, TEST_MS);
});
