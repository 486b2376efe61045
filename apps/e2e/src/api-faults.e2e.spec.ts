/** What befalls apis and the sockets to them, by the rows of section D of the list of faults. */
import { randomUUID } from 'node:crypto';
import { keys, type TaskAcknowledgedPayload, type TaskErrorPayload, type TaskResumedPayload } from '@function-runner/progress-protocol';
import { TcpProxy, waitFor } from '@function-runner/testing';
import { isEnding, Editor, type TaskMessage } from './editor/editor.js';
import { sendFrame } from './editor/raw-frame.js';
import { RoamingEditor } from './editor/roaming-editor.js';
import { checkInvariants } from './invariants/invariants.js';
import { PUPPET, type PuppetParameters } from './puppet/puppet-pipelines.js';
import { call } from './rest/call.js';
import { readEvents } from './rest/event-stream.js';
import type { AppProcess } from './stack/app-process.js';
import { RunnerStack, type TestProject } from './stack/runner-stack.js';

const TEST_MS = 120_000;
const END_MS = 60_000;

/** EVENT_RETENTION unless told otherwise. */
const RETENTION_MS = 86_400_000;

let stack: RunnerStack;

beforeAll(async () => {
  stack = await RunnerStack.start({ apis: 2 });
}, TEST_MS);
afterEach(() => checkInvariants(stack));
afterAll(() => stack.stop());

/** The replica that outlives the others. */
function survivor(): AppProcess {
  return stack.api;
}

async function startPuppet(editor: Editor, project: TestProject, parameters: PuppetParameters): Promise<string> {
  return (await editor.start({ projectId: project.id, nodeType: PUPPET.plain, parameters })).taskId;
}

/** Starts a puppet that waits at its gate, and waits until it does. */
async function startWaiting(editor: Editor, project: TestProject, gate = 'go'): Promise<string> {
  const taskId = await startPuppet(editor, project, { gate });
  await editor.reached(taskId, ({ status, progress }) => status === 'running' && progress >= 50);
  return taskId;
}

async function statusOf(taskId: string): Promise<string> {
  return ((await call(survivor(), 'GET', `/v1/tasks/${taskId}`)).body as { status: string }).status;
}

/** A story over several connections: from its first event to its end, each once. */
function expectWhole(story: readonly TaskMessage[]): void {
  expect(story.map(({ payload }) => payload.seq)).toEqual(story.map((_, index) => index + 1));
  expect(story.filter(isEnding)).toHaveLength(1);
  expect(isEnding(story.at(-1) as TaskMessage)).toBe(true);
}

describe('kill -9 api mid-task', () => {
  it('costs its clients nothing: they go on at the other replica, without a gap', async () => {
    const api = await stack.addApi();
    const project = await stack.project();
    const client = await stack.editor(api);
    const { taskId } = await client.start({ projectId: project.id, nodeType: PUPPET.plain, parameters: { gate: 'go' }, requestId: 'kill-9' });
    await client.reached(taskId, ({ status, progress }) => status === 'running' && progress >= 50);
    await api.crash();
    expect(api.alive).toBe(false);
    const seen = client.story(taskId);
    // It ends while nobody at all is listening.
    await stack.open(project, 'go');
    await waitFor('the task to end', async () => (await statusOf(taskId)) === 'completed');
    const other = await stack.editor(survivor());
    const { taskId: same } = await other.start({ projectId: project.id, nodeType: PUPPET.plain, parameters: { gate: 'go' }, requestId: 'kill-9' });
    expect(same).toBe(taskId);
    const back = await stack.editor(stack.apis[1]);
    await back.ask('resume_task', { taskId, lastSeq: seen.at(-1)?.payload.seq ?? 0 });
    await back.success(taskId);
    expectWhole([...seen, ...back.story(taskId)]);
  }, TEST_MS);

  it('costs a reader of server-sent events nothing either: Last-Event-ID is enough for the other replica', async () => {
    const api = await stack.addApi();
    const project = await stack.project();
    const editor = await stack.editor();
    const taskId = await startWaiting(editor, project);
    const response = await fetch(`${api.url}/v1/tasks/${taskId}/events`);
    const heard: number[] = [];
    const cut = (async (): Promise<string> => {
      let text = '';
      try {
        for await (const chunk of response.body ?? []) {
          text += Buffer.from(chunk).toString();
          heard.splice(0, heard.length, ...[...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id)));
        }
        return 'ended';
      } catch {
        return 'cut';
      }
    })();
    const last = editor.story(taskId).at(-1)?.payload.seq ?? 0;
    await waitFor('the stream to tell what there is', () => heard.at(-1) === last);
    await api.crash();
    expect(await cut).toBe('cut');
    await stack.open(project, 'go');
    const rest = await readEvents(survivor(), taskId, last);
    const whole = [...heard, ...rest.map(({ id }) => Number(id))];
    expect(whole).toEqual(whole.map((_, index) => index + 1));
    expect(rest.at(-1)).toMatchObject({ event: 'task_success', data: { taskId } });
    // The same from every place, at both replicas, now that it has ended.
    for (const [index, replica] of stack.apis.slice(0, 2).entries()) {
      const from = index + 1;
      expect((await readEvents(replica, taskId, from)).map(({ id }) => Number(id))).toEqual(whole.slice(from));
    }
  }, TEST_MS);
});

describe('replica loss with 200 sockets', () => {
  it('all resume at the other replica; none misses an event or hears one twice', async () => {
    const api = await stack.addApi();
    const project = await stack.project();
    const starter = await stack.editor(survivor());
    const tasks = await Promise.all(['a', 'b'].map((gate) => startWaiting(starter, project, gate)));
    const clients = await Promise.all(Array.from({ length: 200 }, async (_, index) => {
      const taskId = tasks[index % tasks.length] ?? '';
      const editor = await stack.editor(api);
      await editor.ask('resume_task', { taskId });
      // Every fourth follows the project as well, and so hears both.
      if (index % 4 === 0) await editor.ask('subscribe_project', { projectId: project.id });
      return { editor, taskId, follows: index % 4 === 0 };
    }));
    const last = new Map(tasks.map((taskId) => [taskId, starter.story(taskId).at(-1)?.payload.seq ?? 0]));
    await waitFor('all to have heard what there is', () => clients.every(({ editor, taskId }) => editor.story(taskId).at(-1)?.payload.seq === last.get(taskId)));
    await api.crash();
    const lost = performance.now();
    await waitFor('all sockets to be cut off', () => clients.every(({ editor }) => !editor.socket.connected));
    // The first task ends before, the second while they come back.
    await stack.open(project, 'a');
    const moved = await Promise.all(clients.map(async ({ editor, taskId, follows }, index) => {
      editor.close();
      if (index === 100) await stack.open(project, 'b');
      const again = await stack.editor(survivor());
      const resumed = await again.ask<TaskResumedPayload>('resume_task', { taskId, lastSeq: editor.story(taskId).at(-1)?.payload.seq ?? 0 });
      if (follows) await again.ask('subscribe_project', { projectId: project.id });
      return { before: editor, after: again, taskId, resumed, ms: performance.now() - lost };
    }));
    process.stdout.write(`  200 sockets have resumed at another replica after ${(Math.max(...moved.map(({ ms }) => ms)) / 1000).toFixed(1)} s\n`);
    await Promise.all(moved.map(({ after, taskId }) => after.success(taskId, END_MS)));
    for (const { before, after, taskId, resumed } of moved) {
      expect(resumed).toMatchObject({ taskId });
      expectWhole([...before.story(taskId), ...after.story(taskId)]);
    }
  }, TEST_MS);
});

describe('client reconnect after 1 s, 2 min and 1 h', () => {
  // What time does to a task that has ended is that its keys near their end: that is all that any process could tell it by.
  it.each([['1 s', 1000], ['2 min', 120_000], ['1 h', 3_600_000]])('%s: the log is there, and a resume at a replica that was not there before tells the same', async (_age, ageMs) => {
    const project = await stack.project();
    const client = await stack.editor();
    const taskId = await startWaiting(client, project);
    const seen = client.story(taskId);
    client.close();
    await stack.open(project, 'go');
    await waitFor('the task to end with nobody listening', async () => (await statusOf(taskId)) === 'completed');
    for (const key of [keys.task(taskId), keys.events(taskId)]) {
      const left = await stack.redis.pttl(key);
      expect(left).toBeGreaterThan(RETENTION_MS - END_MS);
      expect(await stack.redis.pexpire(key, left - ageMs)).toBe(1);
    }
    const fresh = await stack.addApi();
    for (const replica of [fresh, survivor()]) {
      const back = await stack.editor(replica);
      expect(await back.ask('resume_task', { taskId, lastSeq: seen.at(-1)?.payload.seq })).toMatchObject({ taskId, status: 'completed' });
      await back.success(taskId);
      expectWhole([...seen, ...back.story(taskId)]);
    }
    await fresh.stop();
  }, TEST_MS);

  it('and after its history has expired it is told so', async () => {
    const client = await stack.editor();
    const taskId = await startPuppet(client, await stack.project(), {});
    await client.success(taskId);
    for (const key of [keys.task(taskId), keys.events(taskId)]) await stack.redis.pexpire(key, 1);
    await waitFor('the history to expire', async () => (await stack.redis.exists(keys.task(taskId))) === 0);
    expect(await client.ask('resume_task', { taskId, lastSeq: 2 })).toMatchObject({ taskId, code: 'TASK_NOT_FOUND' });
  }, TEST_MS);
});

describe('resume_task from any seq on any replica', () => {
  it('tells what comes after it, of a task that runs and of one that has ended', async () => {
    const project = await stack.project();
    const starter = await stack.editor();
    const taskId = await startWaiting(starter, project);
    const stored = starter.story(taskId).length;
    const readers: { editor: Editor; from: number }[] = [];
    const resumeFromEverywhere = async (upTo: number): Promise<void> => {
      for (const replica of stack.apis.slice(0, 2)) {
        for (let from = 0; from <= upTo; from += 1) {
          const editor = await stack.editor(replica);
          expect(await editor.ask('resume_task', { taskId, lastSeq: from })).toMatchObject({ taskId, lastSeq: upTo });
          readers.push({ editor, from });
        }
      }
    };
    await resumeFromEverywhere(stored);
    await stack.open(project, 'go');
    await starter.success(taskId);
    const whole = starter.story(taskId);
    expectWhole(whole);
    await resumeFromEverywhere(whole.length);
    for (const { editor, from } of readers) {
      if (from < whole.length) await editor.success(taskId);
      await editor.fence();
      expect(editor.story(taskId)).toEqual(whole.slice(from));
    }
    expect(readers).toHaveLength(2 * (stored + 1 + whole.length + 1));
  }, TEST_MS);
});

describe('client retries submit', () => {
  it('when its ack is lost: the same requestId is the same task, and one job', async () => {
    const project = await stack.project();
    const proxy = await TcpProxy.start({ port: survivor().port });
    try {
      const client = await Editor.connect(`http://127.0.0.1:${proxy.port}`);
      stack.editors.push(client);
      const request = { projectId: project.id, nodeId: 'node-1', nodeType: PUPPET.plain, parameters: { gate: 'go' }, requestId: randomUUID() };
      await client.fence();
      proxy.dropReply(() => true);
      await expect(client.ask('start_generation', request)).rejects.toThrow();
      expect(proxy.droppedReplies).toBe(1);
      const first = await waitFor('the request to have been served', () => stack.redis.get(keys.request(project.id, request.requestId)));
      await waitFor('the connection to be back', () => client.socket.connected);
      expect(await client.ask('start_generation', request)).toMatchObject({ taskId: first, requestId: request.requestId });
      // And by a client that repeats by itself.
      const other = await stack.editor(stack.apis[1]);
      const answers = await Promise.all(Array.from({ length: 5 }, () => other.ask<TaskAcknowledgedPayload>('start_generation', request)));
      expect(new Set(answers.map(({ taskId }) => taskId))).toEqual(new Set([first]));
      await stack.open(project, 'go');
      for (const editor of [client, other]) expect(await editor.success(first)).toMatchObject({ attempt: 1 });
      expect((await stack.containers.events()).filter(({ action, taskId }) => action === 'start' && taskId === first)).toHaveLength(1);
    } finally {
      await proxy.stop();
    }
  }, TEST_MS);

  it('after the removal of its job: the first task answers, and nothing runs again', async () => {
    const project = await stack.project();
    const client = await stack.editor();
    const request = { projectId: project.id, nodeType: PUPPET.plain, requestId: randomUUID() };
    const { taskId } = await client.start(request);
    await client.success(taskId);
    await waitFor('the job to be gone', async () => (await stack.redis.exists(`bull:quality_standard:${taskId}`)) === 0);
    const late = await stack.editor(stack.apis[1]);
    expect(await late.start(request)).toMatchObject({ taskId, status: 'completed', queuePosition: 0 });
    await late.success(taskId);
    expect(late.story(taskId)).toEqual(client.story(taskId));
    expect(await stack.redis.exists(`bull:quality_standard:${taskId}`)).toBe(0);
    expect((await stack.containers.events(taskId)).filter(({ action }) => action === 'start')).toHaveLength(1);
  }, TEST_MS);
});

describe('no ack function, or ack called wrongly', () => {
  it('throws nothing: the answer comes as an event, and the api serves on', async () => {
    const project = await stack.project();
    const client = await stack.editor();
    const request = { nodeId: 'node-1', nodeType: PUPPET.plain, projectId: project.id, parameters: {} };
    client.tell('start_generation', request);
    const { taskId } = await client.hear<TaskAcknowledgedPayload>('task_acknowledged');
    await client.success(taskId);
    const lastSeq = client.story(taskId).length;
    for (const oddity of [null, 7, 'x', { not: 'a function' }, [], true]) client.socket.emit('resume_task', { taskId, lastSeq }, oddity);
    client.socket.emit('start_generation');
    client.socket.emit('start_generation', request, request, request);
    // An acknowledgement of what the server never asked.
    sendFrame(client.socket, '4399[{"code":"nothing"}]');
    await client.fence();
    expect(client.socket.connected).toBe(true);
    expect(client.named('task_resumed')).toHaveLength(0);
    await client.success(await startPuppet(client, project, {}));
  }, TEST_MS);
});

describe('an api that is told to end', () => {
  it('is not ready, serves its last call, answers what is under way, and lets the tasks run', async () => {
    const api = await stack.addApi({ LAST_CALL: '3s' });
    const project = await stack.project();
    const client = await stack.editor(api);
    api.signal('SIGTERM');
    await waitFor('readiness to be 503', async () => (await fetch(`${api.url}/health/ready`)).status === 503, 2000, 5);
    const taskId = await startPuppet(client, project, { gate: 'go' });
    await client.hear('server_closing');
    // Redis holds its breath, for less than a request waits: so one is under way when the sockets are to be closed.
    await stack.redis.client('PAUSE', 600);
    const underWay = await startPuppet(client, project, { gate: 'go' });
    expect(await api.ended).toEqual({ code: 0, signal: null });
    for (const phase of ['last call', 'leaving what is done for all', 'sending clients to another process', 'waiting for the requests under way', 'closing sockets', 'closing the queues', 'closing Redis']) expect(api.log).toContain(phase);
    const other = await stack.editor(survivor());
    const told = new Map([taskId, underWay].map((id) => [id, client.story(id)]));
    for (const [id, story] of told) await other.ask('resume_task', { taskId: id, lastSeq: story.at(-1)?.payload.seq ?? 0 });
    await stack.open(project, 'go');
    for (const [id, story] of told) {
      await other.success(id);
      expectWhole([...story, ...other.story(id)]);
    }
  }, TEST_MS);

  it('twice ends at once, and in order', async () => {
    const api = await stack.addApi({ LAST_CALL: '10m', DRAIN_TIMEOUT: '30m' });
    const client = await stack.editor(api);
    api.signal('SIGTERM');
    await waitFor('the last call', async () => (await fetch(`${api.url}/health/ready`)).status === 503);
    expect(await client.ask('unsubscribe_project', { projectId: 'x' })).toEqual({ projectId: 'x' });
    api.signal('SIGTERM');
    expect(await api.ended).toEqual({ code: 0, signal: null });
    expect(api.log).toContain('closing Redis');
  }, TEST_MS);
});

describe('many clients at two apis', () => {
  let crowd: RunnerStack;

  beforeAll(async () => {
    crowd = await RunnerStack.start({ apis: 2, workers: 1, environment: { CONTAINER_ENGINE: 'null', WORKER_CONCURRENCY: '8', TIER_PREMIUM_MAX_CONCURRENT: '8', LAST_CALL: '1s' } });
  }, TEST_MS);
  afterEach(() => checkInvariants(crowd));
  afterAll(() => crowd.stop());

  it('no refused submit in a rolling restart of two, and no event lost', async () => {
    const project = await crowd.project('premium');
    const clients = Array.from({ length: 4 }, () => ({ editor: new RoamingEditor(crowd), tasks: [] as string[] }));
    const refused: TaskErrorPayload[] = [];
    let going = true;
    const submitting = clients.map(async ({ editor, tasks }, who) => {
      for (let turn = 0; going; turn += 1) {
        const answer = await editor.start({ projectId: project.id, nodeType: PUPPET.plain, requestId: `roll-${who}-${turn}` });
        if ('code' in answer) refused.push(answer);
        else tasks.push(answer.taskId);
        // It goes on submitting while tasks run, and does not run away from the worker.
        if (turn >= 4) await editor.ending(tasks[turn - 4] ?? '', END_MS);
      }
    });
    const count = (): number => clients.reduce((sum, { tasks }) => sum + tasks.length, 0);
    const someMore = async (when: string): Promise<void> => {
      const before = count();
      await waitFor(`submits ${when}`, () => count() >= before + 20, END_MS);
    };
    try {
      for (let turn = 0; turn < 2; turn += 1) {
        await someMore('before a restart');
        const [oldest] = crowd.apis;
        if (oldest === undefined) throw new Error('no api is left');
        oldest.signal('SIGTERM');
        await someMore('while one of two ends');
        expect(await oldest.ended).toEqual({ code: 0, signal: null });
        crowd.apis.shift();
        await crowd.addApi();
      }
      await someMore('after it');
    } finally {
      going = false;
      await Promise.allSettled(submitting);
    }
    await Promise.all(submitting);
    expect(refused).toEqual([]);
    for (const { editor, tasks } of clients) {
      expect(editor.moves).toBeGreaterThanOrEqual(2);
      expect(new Set(tasks).size).toBe(tasks.length);
      for (const taskId of tasks) {
        expect(await editor.ending(taskId, END_MS)).toMatchObject({ name: 'task_success' });
        expectWhole(editor.story(taskId));
      }
    }
    process.stdout.write(`  rolling restart of two: ${count()} submits, none refused\n`);
  }, TEST_MS);

  it('flood of start_generation: beyond the bound it is refused with a hint, and others are served', async () => {
    const flooded = await crowd.project('premium');
    const other = await crowd.project('low');
    const flooders = await Promise.all(Array.from({ length: 10 }, () => crowd.editor()));
    const bystander = await crowd.editor();
    const answers = flooders.flatMap((editor, who) => Array.from({ length: 200 }, (_, nth) =>
      editor.ask<TaskAcknowledgedPayload | TaskErrorPayload>('start_generation', { projectId: flooded.id, nodeId: `node-${who}-${nth}`, nodeType: PUPPET.plain, parameters: {} })));
    // In the middle of it.
    const served = await Promise.all(Array.from({ length: 20 }, () => bystander.start({ projectId: other.id, nodeType: PUPPET.plain })));
    const all = await Promise.all(answers);
    const refused = all.filter((answer) => 'code' in answer);
    const started = all.filter((answer): answer is TaskAcknowledgedPayload => !('code' in answer));
    expect(refused.length).toBeGreaterThan(0);
    for (const answer of refused) expect(answer).toMatchObject({ code: 'RATE_LIMITED', nodeId: expect.any(String), details: { retryAfterMs: expect.any(Number) } });
    expect(started.length).toBeGreaterThanOrEqual(100);
    expect(new Set(started.map(({ taskId }) => taskId)).size).toBe(started.length);
    for (const { taskId } of served) await bystander.success(taskId);
    process.stdout.write(`  a flood of ${all.length} starts: ${started.length} started, ${refused.length} refused, and ${served.length} of others served\n`);
    // It is over when it is over.
    expect(await flooders[0]?.start({ projectId: flooded.id, nodeType: PUPPET.plain })).toMatchObject({ status: 'queued' });
    await Promise.all(started.map(async ({ taskId }) => waitFor('the flood to be worked off', async () => ((await call(crowd.api, 'GET', `/v1/tasks/${taskId}`)).body as { status: string }).status === 'completed', END_MS, 500)));
  }, TEST_MS);
});
