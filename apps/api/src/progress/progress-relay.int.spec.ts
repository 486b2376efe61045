import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { keys, projectChannel } from '@function-runner/progress-protocol';
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
    expect(await late.request('resume_task', { taskId: task.taskId.replace(/^./, 'f') })).toMatchObject({ code: 'TASK_NOT_FOUND' });
    expect(await late.request('resume_task', { taskId: task.taskId, lastSeq: -1 })).toMatchObject({ code: 'VALIDATION_FAILED' });
    expect(await late.request('resume_task', { taskId: task.taskId, lastSeq: 6 })).toMatchObject({ lastSeq: 6 });
    expect(late.seqsOf(task.taskId)).toEqual([5, 6]);
    // It was told by a Redis that has lost it since: the end it saw, if any, was another one.
    expect(await late.request('resume_task', { taskId: task.taskId, lastSeq: 999 })).toMatchObject({ status: 'completed', lastSeq: 6 });
    await waitFor('the end again', () => late.named('task_success').length === 2);
    expect(late.seqsOf(task.taskId)).toEqual([5, 6, 6]);
  });

  test('of more events than a socket may have unsent comes page by page, and whole', async () => {
    const starter = await first.connect();
    const task = await start(starter);
    starter.socket.disconnect();
    const begun = await first.store.begin(task, 'worker-1', 3);
    if (begun.kind !== 'started') throw new Error('the task did not start');
    const step = 'x'.repeat(200);
    const reports = 15_000;
    let bytes = 0;
    for (let from = 0; from < reports; from += 1000) {
      await Promise.all(Array.from({ length: 1000 }, (_, index) => first.store.append(task, begun.attempt, 'running', { progress: (99 * (from + index)) / reports, step: `${from + index} ${step}` })));
    }
    for (const event of await first.store.events(task.taskId, 0)) bytes += JSON.stringify(event).length;
    // More than the guard against slow clients lets pass at once.
    expect(bytes).toBeGreaterThan(5 * 1024 ** 2);
    const late = await second.connect();
    const resumed = late.request('resume_task', { taskId: task.taskId });
    // It goes on meanwhile.
    for (let report = 0; report < 50; report += 1) await first.store.append(task, begun.attempt, 'running', { progress: 99, step: `late ${report}` });
    await first.complete(task, begun.attempt);
    expect(await resumed).toMatchObject({ taskId: task.taskId });
    await late.waitForEvent('task_success');
    expect(late.socket.connected).toBe(true);
    expect(late.seqsOf(task.taskId)).toEqual(seqs(2 + reports + 50 + 1));
    // Once more, as server-sent events.
    const stream = await (await second.fetch(`/v1/tasks/${task.taskId}/events`)).text();
    expect([...stream.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id))).toEqual(seqs(2 + reports + 50 + 1));
  }, 60_000);
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

describe('a Redis that failed over and lost what it wrote last', () => {
  /** What a replica that lags behind becomes: the task as it was when it was remembered. */
  async function remember(taskId: string): Promise<() => Promise<void>> {
    const names = [keys.task(taskId), keys.events(taskId)];
    const kept = await Promise.all(names.map((name) => first.redis.dumpBuffer(name)));
    return async () => {
      await first.redis.del(...names);
      await Promise.all(names.map((name, index) => first.redis.restore(name, 0, kept[index] ?? '')));
      expect(Number(await first.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub'))).toBeGreaterThanOrEqual(2);
    };
  }

  test('tells the end all the same, though more was told before', async () => {
    const starter = await first.connect();
    const follower = await second.connect();
    await follower.request('subscribe_project', { projectId: 'film' });
    const task = await start(starter);
    const begun = await first.store.begin(task, 'worker-1', 3);
    if (begun.kind !== 'started') throw new Error('the task did not start');
    const failOver = await remember(task.taskId);
    for (const step of ['a', 'b', 'c']) await first.store.append(task, begun.attempt, 'running', { progress: 10, step });
    for (const client of [starter, follower]) await client.waitForEvent('task_progress', ({ seq }) => seq === 5);
    await failOver();
    for (const client of [starter, follower]) expect(await client.waitForEvent('task_resumed')).toEqual({ taskId: task.taskId, status: 'preparing', lastSeq: 2 });
    await first.complete(task, begun.attempt);
    for (const client of [starter, follower]) {
      expect(await client.waitForEvent('task_success')).toMatchObject({ taskId: task.taskId, seq: 3 });
      expect(client.seqsOf(task.taskId).slice(-6)).toEqual([1, 2, 3, 4, 5, 3]);
    }
    // One who was away at the time, and comes back with a seq that there is no more.
    const back = await second.connect();
    expect(await back.request('resume_task', { taskId: task.taskId, lastSeq: 5 })).toEqual({ taskId: task.taskId, status: 'completed', lastSeq: 3 });
    await back.waitForEvent('task_success');
    expect(back.seqsOf(task.taskId)).toEqual([3]);
  });

  test('says of a task that is lost whole that there is none, to those who wait for it and to those who ask', async () => {
    const starter = await first.connect();
    const request = { ...NODE, requestId: 'lost' };
    const { taskId } = await starter.request('start_generation', request);
    const stream = (await first.fetch(`/v1/tasks/${String(taskId)}/events`)).text();
    await starter.waitForEvent('task_progress');
    await first.redis.del(keys.task(String(taskId)), keys.events(String(taskId)), keys.request('film', 'lost'));
    await first.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    expect(await starter.waitForEvent('task_error')).toMatchObject({ taskId, projectId: 'film', code: 'TASK_NOT_FOUND', error: expect.stringMatching(/same requestId/) });
    // The stream ends, and says by its lack of an end that it did not.
    expect([...(await stream).matchAll(/^event: (\S+)$/gm)].map(([, name]) => name)).toEqual(['task_progress']);
    expect(await starter.request('resume_task', { taskId, lastSeq: 1 })).toMatchObject({ code: 'TASK_NOT_FOUND' });
    const again = await starter.request('start_generation', request);
    expect(again['taskId']).not.toBe(taskId);
    await first.runTask({ taskId: String(again['taskId']), nodeId: 'node-1', projectId: 'film' }, 1);
    await starter.waitForEvent('task_success', (payload) => payload['taskId'] === again['taskId']);
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
