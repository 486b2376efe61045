import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { projectChannel } from '@function-runner/progress-protocol';
import type { TaskIdentity } from '@function-runner/task-store';
import { RedisFixture, waitFor } from '@function-runner/testing';
import { ApiFixture, seqs, type RecordingClient } from '../api.fixture.js';

const NODE = { nodeId: 'node-1', nodeType: 'image_upscale', projectId: 'film', parameters: {} };

let redis: RedisFixture;
let first: ApiFixture;
let second: ApiFixture;

beforeEach(async () => {
  redis = await RedisFixture.start();
  first = await ApiFixture.start(redis);
  second = await ApiFixture.start(redis);
  await first.putProject('film');
});

afterEach(async () => {
  await first.dispose();
  await second.dispose();
  await redis.stop();
});

async function start(client: RecordingClient): Promise<TaskIdentity> {
  const { taskId } = await client.request('start_generation', NODE);
  return { taskId: String(taskId), nodeId: 'node-1', projectId: 'film' };
}

async function channels(): Promise<unknown> {
  return first.redis.pubsub('CHANNELS', 'project:progress:*');
}

describe('resume_task', () => {
  test('from anywhere, while events flow: none missed, none twice', async () => {
    const starter = await first.connect();
    const task = await start(starter);
    const running = first.runTask(task, 400);
    const readers: { client: RecordingClient; from: number }[] = [];
    for (let round = 0; round < 12; round += 1) {
      const api = round % 2 === 0 ? first : second;
      const client = await api.connect();
      const from = round % 3 === 0 ? 0 : starter.eventsOf(task.taskId).length;
      const resumed = await client.request('resume_task', { taskId: task.taskId, lastSeq: from });
      expect(resumed).toMatchObject({ taskId: task.taskId });
      readers.push({ client, from });
    }
    await running;
    for (const { client, from } of [...readers, { client: starter, from: 0 }]) {
      await client.waitForEvent('task_success');
      expect(client.seqsOf(task.taskId)).toEqual(seqs(403).slice(from));
      const names = client.received.filter(({ name }) => name !== 'task_acknowledged').map(({ name }) => name);
      expect(names[0]).toBe(client === starter ? 'task_progress' : 'task_resumed');
    }
  });

  test('of an ended task tells the rest; of an unknown one it says so; a lastSeq beyond the end is the end', async () => {
    const starter = await first.connect();
    const task = await start(starter);
    await first.runTask(task, 3);
    const late = await second.connect();
    expect(await late.request('resume_task', { taskId: task.taskId, lastSeq: 4 })).toEqual({ taskId: task.taskId, status: 'completed', lastSeq: 6 });
    await late.waitForEvent('task_success');
    expect(late.seqsOf(task.taskId)).toEqual([5, 6]);
    expect(await late.request('resume_task', { taskId: task.taskId, lastSeq: 999 })).toMatchObject({ lastSeq: 6 });
    expect(await late.request('resume_task', { taskId: task.taskId.replace(/^./, 'f') })).toMatchObject({ code: 'TASK_NOT_FOUND' });
    expect(await late.request('resume_task', { taskId: task.taskId, lastSeq: -1 })).toMatchObject({ code: 'VALIDATION_FAILED' });
    expect(late.seqsOf(task.taskId)).toEqual([5, 6]);
  });
});

describe('subscribe_project', () => {
  test('snapshot and stream join without a gap while tasks come, run and end', async () => {
    const starter = await first.connect();
    let going = true;
    const runs: Promise<void>[] = [];
    const tasks: string[] = [];
    const coming = (async () => {
      while (going) {
        const task = await start(starter);
        tasks.push(task.taskId);
        runs.push(second.runTask(task, 10));
      }
    })();
    await waitFor('some tasks', () => tasks.length > 3);
    const onlookers: RecordingClient[] = [];
    for (let round = 0; round < 6; round += 1) {
      const client = await (round % 2 === 0 ? first : second).connect();
      await client.request('subscribe_project', { projectId: 'film' });
      onlookers.push(client);
    }
    const untilThen = tasks.length;
    await waitFor('more tasks', () => tasks.length > untilThen + 5);
    going = false;
    await coming;
    await Promise.all(runs);
    for (const client of onlookers) {
      const [snapshot] = client.named('project_snapshot') as { tasks: { taskId: string; lastSeq: number }[] }[];
      const shown = new Map(snapshot?.tasks.map(({ taskId, lastSeq }) => [taskId, lastSeq]));
      for (const taskId of tasks) {
        const from = shown.get(taskId) ?? 0;
        if (from < 13) await client.waitForEvent('task_success', (payload) => payload['taskId'] === taskId);
        expect(client.seqsOf(taskId)).toEqual(seqs(13).slice(from));
      }
    }
  });

  test('after unsubscribe_project nothing comes and nothing is heard', async () => {
    const starter = await first.connect();
    const onlooker = await second.connect();
    await onlooker.request('subscribe_project', { projectId: 'film' });
    await onlooker.request('unsubscribe_project', { projectId: 'film' });
    const task = await start(starter);
    await first.runTask(task, 2);
    await starter.waitForEvent('task_success');
    expect(onlooker.seqsOf(task.taskId)).toEqual([]);
    await waitFor('no channel to be left', async () => ((await channels()) as unknown[]).length === 0);
  });
});

describe('a lost subscriber connection', () => {
  test('leaves no gap, neither in tasks nor in projects', async () => {
    const starter = await first.connect();
    const onlooker = await second.connect();
    await onlooker.request('subscribe_project', { projectId: 'film' });
    const task = await start(starter);
    let kills = 0;
    const killer = setInterval(() => {
      void first.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub').then((killed) => (kills += Number(killed)));
    }, 60);
    await first.runTask(task, 300);
    // Begins and ends while the connection may be away.
    const brief = await start(starter);
    await first.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await first.runTask(brief, 0);
    clearInterval(killer);
    expect(kills).toBeGreaterThan(0);
    for (const client of [starter, onlooker]) {
      await client.waitForEvent('task_success', (payload) => payload['taskId'] === task.taskId);
      await client.waitForEvent('task_success', (payload) => payload['taskId'] === brief.taskId);
      expect(client.seqsOf(task.taskId)).toEqual(seqs(303));
      expect(client.seqsOf(brief.taskId)).toEqual(seqs(3));
    }
  });
});

describe('a lost subscriber connection soon after an api’s start', () => {
  /** Cuts off every subscriber, and proves by a task of its own that all are heard again, to its end. */
  async function loseAndRecover(starter: RecordingClient, listeners: readonly RecordingClient[]): Promise<void> {
    expect(Number(await first.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub'))).toBeGreaterThanOrEqual(2);
    const task = await start(starter);
    await first.runTask(task, 2);
    for (const client of listeners) {
      await client.waitForEvent('task_success', ({ taskId }) => taskId === task.taskId);
      expect(client.seqsOf(task.taskId)).toEqual(seqs(5));
    }
  }

  test('tells nobody again what a snapshot or a resume has told', async () => {
    const starter = await first.connect();
    const ended = await start(starter);
    await first.runTask(ended, 2);
    const shownOnly = await start(starter);
    await first.runTask(shownOnly, 0);
    const running = await start(starter);
    const begun = await first.store.begin(running, 'worker-1', 3);
    if (begun.kind !== 'started') throw new Error('the task did not start');
    // It knows nothing but what its clients ask for.
    const fresh = await ApiFixture.start(redis);
    try {
      const follower = await fresh.connect();
      const resumer = await fresh.connect();
      await follower.request('subscribe_project', { projectId: 'film' });
      for (const { taskId } of [ended, running]) expect(await resumer.request('resume_task', { taskId, lastSeq: 1 })).toMatchObject({ taskId });
      const both = await fresh.connect();
      await both.request('resume_task', { taskId: ended.taskId });
      await both.request('subscribe_project', { projectId: 'film' });
      await loseAndRecover(starter, [follower, both]);
      await loseAndRecover(starter, [follower, both]);
      await first.complete(running, begun.attempt);
      for (const client of [follower, both, resumer]) await client.waitForEvent('task_success', ({ taskId }) => taskId === running.taskId);
      for (const client of [follower, both]) expect(client.seqsOf(shownOnly.taskId)).toEqual([]);
      expect(follower.seqsOf(ended.taskId)).toEqual([]);
      expect(both.seqsOf(ended.taskId)).toEqual(seqs(5));
      expect(resumer.seqsOf(ended.taskId)).toEqual([2, 3, 4, 5]);
      for (const client of [follower, both]) expect(client.seqsOf(running.taskId)).toEqual([3]);
      expect(resumer.seqsOf(running.taskId)).toEqual([2, 3]);
    } finally {
      await fresh.dispose();
    }
  });

  test('hides nothing from those who followed before, whoever asks for it meanwhile', async () => {
    const starter = await first.connect();
    const follower = await second.connect();
    await follower.request('subscribe_project', { projectId: 'film' });
    for (let round = 0; round < 6; round += 1) {
      const task = await start(starter);
      const joiner = await second.connect();
      // What comes while nobody is heard, ends, and is asked for by others at the same moment.
      const [killed] = await Promise.all([
        first.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub'),
        first.runTask(task, round),
        joiner.request(round % 2 === 0 ? 'subscribe_project' : 'resume_task', round % 2 === 0 ? { projectId: 'film' } : { taskId: task.taskId }),
      ]);
      expect(Number(killed)).toBeGreaterThanOrEqual(2);
      await follower.waitForEvent('task_success', ({ taskId }) => taskId === task.taskId);
      expect(follower.seqsOf(task.taskId)).toEqual(seqs(round + 3));
      const [snapshot] = joiner.named('project_snapshot') as { tasks: { taskId: string; lastSeq: number }[] }[];
      const shown = snapshot?.tasks.find(({ taskId }) => taskId === task.taskId)?.lastSeq ?? 0;
      if (shown < round + 3) await joiner.waitForEvent('task_success', ({ taskId }) => taskId === task.taskId);
      expect(joiner.seqsOf(task.taskId)).toEqual(seqs(round + 3).slice(shown));
      joiner.socket.disconnect();
    }
  });
});

describe('what is not worth keeping', () => {
  test('previews come as bytes and are never replayed', async () => {
    const starter = await first.connect();
    const task = await start(starter);
    const begun = await first.store.begin(task, 'worker-1', 3);
    if (begun.kind !== 'started') throw new Error('the task did not start');
    const picture = Buffer.from([1, 2, 3, 250]);
    await starter.waitForEvent('task_progress', ({ status }) => status === 'preparing');
    await first.store.publishPreview('film', JSON.stringify({
      task_id: task.taskId, node_id: 'node-1', project_id: 'film', seq: 2, attempt: 1, progress: 10, step: 'tile', timestamp: new Date().toISOString(), status: 'running',
      preview: { mediaType: 'image/png', width: 2, height: 2, data: picture.toString('base64') },
    }));
    const preview = await starter.waitForEvent('task_preview');
    expect(preview).toMatchObject({ taskId: task.taskId, mediaType: 'image/png', width: 2, height: 2 });
    expect(Buffer.from(preview['data'] as Uint8Array).equals(picture)).toBe(true);
    await first.complete(task, begun.attempt);
    const late = await second.connect();
    await late.request('resume_task', { taskId: task.taskId });
    await late.waitForEvent('task_success');
    expect(late.named('task_preview')).toEqual([]);
    expect(late.seqsOf(task.taskId)).toEqual(seqs(3));
  });

  test('junk on a channel is dropped', async () => {
    const starter = await first.connect();
    const task = await start(starter);
    for (const junk of ['', '{', '[]', '{"task_id":1}', 'null']) await first.redis.publish(projectChannel('film'), junk);
    await first.runTask(task, 1);
    await starter.waitForEvent('task_success');
    expect(starter.seqsOf(task.taskId)).toEqual(seqs(4));
  });

  test('a client that does not read is cut off, and its task goes on', async () => {
    const sleeper = await first.connect();
    const task = await start(sleeper);
    const begun = await first.store.begin(task, 'worker-1', 3);
    if (begun.kind !== 'started') throw new Error('the task did not start');
    const { transport } = sleeper.socket.io.engine as unknown as { transport: { ws: { pause: () => void; terminate: () => void } } };
    transport.ws.pause();
    const step = 'x'.repeat(200_000);
    for (let report = 1; report <= 100; report += 1) await first.store.append(task, begun.attempt, 'running', { progress: report / 2, step: `${report} ${step}` });
    const metrics = async (): Promise<string> => (await first.fetch('/metrics')).text();
    await waitFor('the socket to be cut off', async () => /^function_runner_sockets_connected 0$/m.test(await metrics()));
    transport.ws.terminate();
    await first.complete(task, begun.attempt);
    const back = await first.connect();
    await back.request('resume_task', { taskId: task.taskId, lastSeq: 100 });
    await back.waitForEvent('task_success');
    expect(back.seqsOf(task.taskId)).toEqual([101, 102, 103]);
  });
});
