/** Records and queues that were parted behind the product's back: they agree again by themselves, and each task ends once. */
import { readdir } from 'node:fs/promises';
import { Queue } from 'bullmq';
import { keys } from '@function-runner/progress-protocol';
import { queueName } from '@function-runner/task-contract';
import { waitFor } from '@function-runner/testing';
import type { Editor } from './editor/editor.js';
import { checkInvariants } from './invariants/invariants.js';
import { PUPPET, type PuppetParameters } from './puppet/puppet-pipelines.js';
import { call } from './rest/call.js';
import { RunnerStack, type TestProject } from './stack/runner-stack.js';

/** Two looks, 2.5 s apart, and the time of a busy machine. */
const REPAIR_MS = 60_000;
const TEST_MS = 120_000;

let stack: RunnerStack;
let editor: Editor;
let project: TestProject;

beforeAll(async () => {
  stack = await RunnerStack.start({ apis: 2, workers: 0 });
}, TEST_MS);
beforeEach(async () => {
  editor = await stack.editor();
  project = await stack.project();
});
afterEach(async () => {
  await checkInvariants(stack);
  await waitFor('no task to be listed as open', async () => (await stack.redis.zcard(keys.openTasks)) === 0, REPAIR_MS);
});
afterAll(() => stack.stop());

async function startPuppet(parameters: PuppetParameters): Promise<string> {
  return (await editor.start({ projectId: project.id, nodeType: PUPPET.plain, parameters })).taskId;
}

/** Does with the queue what an operator must not. */
async function withQueue<T>(work: (queue: Queue) => Promise<T>): Promise<T> {
  const queue = new Queue(queueName('standard'), { connection: stack.redis, skipVersionCheck: true });
  try {
    return await work(queue);
  } finally {
    await queue.close();
  }
}

const jobOf = (taskId: string): Promise<unknown> => withQueue((queue) => queue.getJob(taskId));

/** Repairs of a kind that the living apis have counted. */
async function repairs(kind: string): Promise<number> {
  const texts = await Promise.all(stack.apis.filter(({ alive }) => alive).map(async (api) => String((await call(api, 'GET', '/metrics')).body)));
  return texts.reduce((sum, text) => sum + Number(new RegExp(`^function_runner_repairs_total\\{kind="${kind}"\\} (\\d+)$`, 'm').exec(text)?.[1] ?? 0), 0);
}

describe('a queue that is obliterated', () => {
  it('while a task runs: its worker stops, the job is made again, and the task completes as its next attempt', async () => {
    const worker = await stack.addWorker();
    const taskId = await startPuppet({ gate: 'go' });
    await editor.reached(taskId, ({ status, progress }) => status === 'running' && progress >= 50);
    const [first] = await stack.containers.present();
    await withQueue((queue) => queue.obliterate({ force: true }));
    expect(await jobOf(taskId)).toBeUndefined();
    await stack.open(project, 'go');
    expect(await editor.success(taskId)).toMatchObject({ attempt: 2 });
    expect(first).toBeDefined();
    expect(await repairs('task-without-job')).toBe(1);
    expect(await readdir(stack.onDisk(`/workspace/${project.name}/outputs/renders/node-1`))).toEqual([taskId]);
    await worker.stop();
  }, TEST_MS);

  it('while a task waits, and the api that repairs dies: another one makes the job again', async () => {
    const taskId = await startPuppet({});
    const holder = await waitFor('an api to repair', async () => {
      const name = await stack.redis.get(keys.reconciler);
      return stack.apis.find(({ pid }) => name?.includes(`-${pid}-`));
    });
    await holder.crash();
    await withQueue((queue) => queue.obliterate({ force: true }));
    expect(await jobOf(taskId)).toBeUndefined();
    const other = stack.apis.find(({ alive }) => alive);
    if (other === undefined) throw new Error('no api is left');
    await waitFor('the job to be made again', async () => (await jobOf(taskId)) !== undefined, REPAIR_MS);
    editor = await stack.editor(other);
    await editor.ask('resume_task', { taskId, lastSeq: 0 });
    const worker = await stack.addWorker();
    expect(await editor.success(taskId)).toMatchObject({ attempt: 1 });
    await worker.stop();
  }, TEST_MS);
});
