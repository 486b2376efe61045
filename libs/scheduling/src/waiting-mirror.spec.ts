import { describe, expect, test } from '@jest/globals';
import { QUALITY_TIERS, type QualityTier } from '@function-runner/pipeline-schema';
import { CPU, MEMORY } from './resource-id.js';
import { cluster, waitingTask } from './scheduling.fixture.js';
import type { SchedulerMessage } from './scheduler-message.js';
import type { QueueSight, SeenJob, VisibleQueues } from './visible-queues.port.js';
import { WaitingMirror } from './waiting-mirror.js';
import type { WaitingTask } from './waiting-task.js';

const LIMITS = { low: 1, standard: 2, high: 3, premium: 4 };

const task = (taskId: string, tier: QualityTier = 'high'): WaitingTask => waitingTask(taskId, { tier });

/** The queues as they are: what waits in them, and what runs. A look may be held back, so that the world changes under it. */
class Queues implements VisibleQueues {
  readonly waiting = new Map<string, WaitingTask>();
  readonly running = new Map<string, { task: WaitingTask; startedAt: number | undefined }>();
  /** Jobs whose data say nothing. */
  readonly unreadable = new Set<string>();
  /** What was asked for, one question after another. */
  readonly described: string[] = [];
  private gate: Promise<void> | undefined;

  constructor(...tasks: WaitingTask[]) {
    for (const each of tasks) this.waiting.set(each.taskId, each);
  }

  /** From now on answers are as of their questions, and come when the result is called. */
  hold(): () => void {
    let release: () => void = () => undefined;
    this.gate = new Promise((resolve) => (release = resolve));
    return release;
  }

  async look(): Promise<QueueSight[]> {
    const sights = QUALITY_TIERS.map((tier): QueueSight => ({
      tier, waiting: [...this.waiting.values()].filter((each) => each.tier === tier).map(({ taskId }) => taskId), running: [...this.running].filter(([, { task: of }]) => of.tier === tier).map(([taskId]) => taskId),
    }));
    await this.gate;
    return sights;
  }

  async describe(_tier: QualityTier, taskIds: readonly string[]): Promise<SeenJob[]> {
    this.described.push(...taskIds);
    const found = taskIds.flatMap((taskId): SeenJob[] => {
      const waits = this.waiting.get(taskId);
      if (this.unreadable.has(taskId)) return [];
      return waits === undefined ? [this.running.get(taskId) ?? []].flat() : [{ task: waits, startedAt: undefined }];
    });
    await this.gate;
    return found;
  }

  /** A worker takes a task. */
  take(taskId: string, startedAt?: number): void {
    this.running.set(taskId, { task: this.waiting.get(taskId) ?? task(taskId), startedAt });
    this.waiting.delete(taskId);
  }
}

function mirrorOf(...tasks: WaitingTask[]): { queues: Queues; mirror: WaitingMirror; hear: (message: SchedulerMessage, now?: number) => void; waiting: () => string; running: () => string; counts: () => Record<string, number> } {
  const queues = new Queues(...tasks);
  const mirror = new WaitingMirror(queues, LIMITS);
  return {
    queues, mirror,
    hear: (message, now = 0) => mirror.hear(message, () => [], now),
    waiting: () => [...mirror.line.tasks()].map(({ taskId }) => taskId).sort().join(' '),
    running: () => [...mirror.running()].map((job) => `${job.task.taskId} ${job.startedAt}`).sort().join(', '),
    counts: () => Object.fromEntries(Object.entries(mirror.tiers).map(([tier, state]) => [tier, state.running])),
  };
}

const taken = (...taskIds: string[]): SchedulerMessage => ({ kind: 'taken', host: 'h', worker: 'w', tasks: taskIds.map((taskId) => ({ taskId, resources: [CPU, MEMORY] })) });
const ended = (...taskIds: string[]): SchedulerMessage => ({ kind: 'ended', worker: 'w', taskIds });
const waits = (each: WaitingTask): SchedulerMessage => ({ kind: 'waiting', task: each });

describe('what waits', () => {
  test('is what a look finds and what messages tell', async () => {
    const { mirror, queues, hear, waiting } = mirrorOf(task('a'), task('b', 'low'));
    await mirror.look(0);
    expect(waiting()).toBe('a b');
    expect(mirror.line.get('b')).toEqual(task('b', 'low'));
    hear(waits(task('c')));
    hear(waits(task('c')));
    hear({ kind: 'free', host: 'h' });
    hear(taken('a'));
    mirror.gone('b');
    expect(waiting()).toBe('c');
    queues.waiting.clear();
    queues.waiting.set('d', task('d'));
    await mirror.look(0);
    expect(waiting()).toBe('d');
  });

  test('is asked for once: what is known already is not described again', async () => {
    const { mirror, queues } = mirrorOf(task('a'), task('b'), task('c'));
    queues.take('c');
    mirror.enter(task('a'));
    await mirror.look(0);
    await mirror.look(0);
    expect(queues.described.sort()).toEqual(['b', 'c']);
  });

  test('is what can be read: a job that cannot keeps no other from being seen', async () => {
    const { mirror, queues, waiting, running, counts } = mirrorOf(task('a'), task('bad'), task('worse'));
    for (const taskId of ['bad', 'worse']) queues.unreadable.add(taskId);
    queues.take('worse');
    await mirror.look(0);
    expect([waiting(), running(), counts()]).toEqual(['a', '', { low: 0, standard: 0, high: 1, premium: 0 }]);
    queues.running.clear();
    await mirror.look(0);
    expect(counts()).toMatchObject({ high: 0 });
  });

  test.each([[true, 'a2 b4'], [undefined, 'b4 a2']])('is in the order that starts leave, as others say whether a warm container made them early: %s', (warm, expected) => {
    const { mirror, hear } = mirrorOf();
    for (const taskId of ['a1', 'a2']) hear(waits(waitingTask(taskId, { projectId: 'a', submittedAt: 5 })));
    for (const taskId of ['b1', 'b2', 'b3', 'b4']) hear(waits(waitingTask(taskId, { projectId: 'b' })));
    for (const taskId of ['b1', 'b2', 'b3', 'a1']) hear({ kind: 'taken', host: 'h', worker: 'w', tasks: [{ taskId, resources: [], ...(warm && taskId !== 'a1' ? { warm } : {}) }] });
    expect(mirror.line.inOrder().map(({ taskId }) => taskId).join(' ')).toBe(expected);
  });
});

describe('what waits, while a look is under way', () => {
  test('keeps what is told', async () => {
    const { mirror, queues, hear, waiting } = mirrorOf(task('a'));
    await mirror.look(0);
    const answer = queues.hold();
    const looking = mirror.look(0);
    queues.waiting.set('b', task('b'));
    hear(waits(task('b')));
    answer();
    await looking;
    expect(waiting()).toBe('a b');
  });

  test('is what is said, not what it has seen before', async () => {
    const { mirror, queues, hear, waiting, running, counts } = mirrorOf(task('a'), task('b'), task('c'), task('d'), task('e', 'low'));
    queues.take('d', 1);
    await mirror.look(0);
    queues.waiting.set('f', task('f'));
    const answer = queues.hold();
    const looking = mirror.look(0);
    queues.take('a', 2);
    hear(taken('a'), 9);
    hear(ended('d'));
    hear(taken('e', 'f'), 10);
    hear(ended('e'));
    // Put back.
    hear(waits(task('e', 'low')));
    mirror.gone('b');
    answer();
    await looking;
    expect([waiting(), running(), counts()]).toEqual(['c e', 'a 9', { low: 0, standard: 0, high: 1, premium: 0 }]);
  });

  test('is what is said between the look and the reading of what it found', async () => {
    const { mirror, queues, hear, waiting } = mirrorOf(task('a'), task('b'));
    const { describe: read } = queues;
    queues.describe = async (tier, taskIds) => {
      const jobs = await read.call(queues, tier, taskIds);
      hear(taken('a'));
      return jobs;
    };
    await mirror.look(0);
    expect(waiting()).toBe('b');
  });

  test('loses what vanished from its queue unheard, also where another look overtakes the one that sees it', async () => {
    const { mirror, queues, waiting, running } = mirrorOf(task('a'), task('b'), task('c'), task('d'));
    for (const taskId of ['c', 'd']) queues.take(taskId, 1);
    await mirror.look(0);
    queues.waiting.delete('a');
    queues.running.delete('c');
    const answer = queues.hold();
    const both = [mirror.look(0), mirror.look(0)];
    answer();
    await Promise.all(both);
    expect([waiting(), running()]).toEqual(['b', 'd 1']);
  });

  test('hears for each of two looks', async () => {
    const { mirror, queues, hear, waiting } = mirrorOf(task('a'));
    const first = queues.hold();
    const slow = mirror.look(0);
    const second = queues.hold();
    const fast = mirror.look(0);
    hear(taken('a'));
    second();
    await fast;
    hear(waits(task('b')));
    first();
    await slow;
    expect(waiting()).toBe('b');
  });

  test('leaves out a task that is gone before it can be described, and one that was taken under the look', async () => {
    const { mirror, queues, waiting, running } = mirrorOf(task('a'), task('b'), task('c'));
    queues.take('c', 5);
    const { look } = queues;
    queues.look = async () => (await look.call(queues)).map((sight) => (sight.tier === 'high' ? { ...sight, waiting: [...sight.waiting, 'c'] } : sight));
    const answer = queues.hold();
    const looking = mirror.look(0);
    queues.waiting.delete('b');
    answer();
    await looking;
    expect([waiting(), running()]).toEqual(['a', 'c 5']);
  });

  test('is as it was where a look fails', async () => {
    const { mirror, queues, hear, waiting } = mirrorOf(task('a'));
    await mirror.look(0);
    const { look } = queues;
    queues.look = () => Promise.reject(new Error('Redis is away'));
    await expect(mirror.look(0)).rejects.toThrow('Redis is away');
    hear(waits(task('b')));
    expect(waiting()).toBe('a b');
    queues.look = look;
    queues.waiting.delete('a');
    await mirror.look(0);
    expect(waiting()).toBe('');
  });
});

describe('what runs', () => {
  test('follows what is taken and what ends, each once, and knows the limits', async () => {
    const { mirror, hear, running, counts } = mirrorOf(task('a'), task('b'), task('c', 'low'));
    await mirror.look(0);
    expect(mirror.tiers).toEqual({ low: { running: 0, limit: 1 }, standard: { running: 0, limit: 2 }, high: { running: 0, limit: 3 }, premium: { running: 0, limit: 4 } });
    hear(taken('a', 'c'), 6);
    hear(taken('a'), 7);
    expect([running(), counts()]).toEqual(['a 6, c 6', { low: 1, standard: 0, high: 1, premium: 0 }]);
    mirror.taken({ taskId: 'b', resources: [] }, 'h', cluster([]), 8);
    expect([running(), counts()]).toEqual(['a 6, b 8, c 6', { low: 1, standard: 0, high: 2, premium: 0 }]);
    mirror.ended('b');
    hear(ended('a', 'a', 'b', 'c'));
    expect([running(), counts()]).toEqual(['', { low: 0, standard: 0, high: 0, premium: 0 }]);
  });

  test('takes no notice of what nothing was known of', async () => {
    const { mirror, hear, waiting, counts } = mirrorOf(task('a'));
    await mirror.look(0);
    hear(taken('unknown'));
    hear(ended('unknown', 'a'));
    mirror.gone('unknown');
    expect([waiting(), counts()]).toEqual(['a', { low: 0, standard: 0, high: 0, premium: 0 }]);
  });

  test('runs no more once it waits again', async () => {
    const { mirror, queues, hear, waiting, running, counts } = mirrorOf(task('a'));
    queues.take('a', 1);
    await mirror.look(0);
    hear(waits(task('a')));
    expect([waiting(), running(), counts()]).toEqual(['a', '', { low: 0, standard: 0, high: 0, premium: 0 }]);
  });

  test('is what a look finds, whatever was told; what ends afterwards makes room in its tier', async () => {
    const { mirror, queues, hear, running, counts } = mirrorOf(task('a'), task('b', 'low'), task('c', 'premium'));
    await mirror.look(0);
    // Taken by a worker of which no message came; when, one of the jobs does not say.
    queues.take('a', 1);
    queues.take('b', 2);
    queues.take('c');
    await mirror.look(7);
    expect([running(), counts()]).toEqual(['a 1, b 2, c 7', { low: 1, standard: 0, high: 1, premium: 1 }]);
    hear(ended('b', 'c'));
    expect(counts()).toEqual({ low: 0, standard: 0, high: 1, premium: 0 });
    queues.running.clear();
    queues.take('d');
    await mirror.look(0);
    expect(counts()).toEqual({ low: 0, standard: 0, high: 1, premium: 0 });
    // That it runs no more is counted already.
    hear(ended('a'));
    expect(counts()).toMatchObject({ high: 1 });
  });

  test('is the limit at least where a queue says that its tier is full, until one of them ends or it is looked at', async () => {
    const { mirror, queues, hear, counts } = mirrorOf(task('a'));
    queues.take('x');
    await mirror.look(0);
    mirror.full('high');
    mirror.full('low');
    expect(counts()).toEqual({ low: 1, standard: 0, high: 3, premium: 0 });
    hear(ended('x'));
    expect(counts()).toMatchObject({ high: 2 });
    mirror.full('high');
    expect(counts()).toMatchObject({ high: 3 });
    await mirror.look(0);
    expect(counts()).toEqual({ low: 0, standard: 0, high: 1, premium: 0 });
    for (const taskId of ['y', 'z', 'o', 'p']) queues.take(taskId);
    await mirror.look(0);
    mirror.full('high');
    expect(counts()).toMatchObject({ high: 5 });
  });
});
