/**
 * What waits in the queues and what runs, as this process knows it.
 *
 * Owns a mirror: messages keep it in step, and a look at the queues mends what a lost message left wrong. Must stay true:
 * after a look, what waits is in the line and what does not is not. In between a wrong line costs an event that Redis
 * refuses, or one that comes a moment late.
 */
import type { QualityTier } from '@function-runner/pipeline-schema';
import { WaitingLine, type ClusterState, type SchedulerMessage, type TierState, type WaitingTask } from '@function-runner/scheduling';
import type { QueueSight, SeenJob } from '../queue/waiting-jobs.adapter.js';

/** What the mirror looks at. */
export interface VisibleQueues {
  look(): Promise<QueueSight[]>;
  describe(tier: QualityTier, taskIds: readonly string[]): Promise<SeenJob[]>;
}

/** A task that runs, and since when (milliseconds since the epoch). */
export interface StartedTask {
  task: WaitingTask;
  startedAt: number;
}

export class WaitingMirror {
  readonly line = new WaitingLine();
  private readonly started = new Map<string, StartedTask>();
  /** How many of each tier are among the started. */
  private readonly counts: Record<QualityTier, number> = { low: 0, standard: 0, high: 0, premium: 0 };
  /** Tasks that messages told of during the look under way: what they said is newer than what it sees. */
  private readonly heardOf = new Set<string>();

  constructor(
    private readonly queues: VisibleQueues,
    private readonly limits: Readonly<Record<QualityTier, number>>,
  ) {}

  get running(): Iterable<StartedTask> {
    return this.started.values();
  }

  get tiers(): ClusterState['tiers'] {
    const tier = (name: QualityTier): TierState => ({ running: this.counts[name], limit: this.limits[name] });
    return { low: tier('low'), standard: tier('standard'), high: tier('high'), premium: tier('premium') };
  }

  /** Takes in what is said. `hosts` as they are thought to have been before it. */
  hear(message: SchedulerMessage, hosts: ClusterState['hosts'], now: number): void {
    switch (message.kind) {
      case 'waiting':
        this.heardOf.add(message.task.taskId);
        this.end(message.task.taskId);
        this.line.add(message.task);
        return;
      case 'taken': {
        const cluster = { hosts, tiers: this.tiers };
        for (const { taskId, resources } of message.tasks) this.take(taskId, message.host, resources, cluster, now);
        return;
      }
      case 'ended':
        for (const taskId of message.taskIds) {
          this.heardOf.add(taskId);
          this.end(taskId);
        }
        return;
      case 'free':
    }
  }

  /** A task does not wait any more, and was not started. */
  remove(taskId: string): void {
    this.heardOf.add(taskId);
    this.line.remove(taskId);
  }

  /** Looks at the queues and puts right what is wrong. @throws what Redis answers */
  async look(): Promise<void> {
    this.heardOf.clear();
    // Only what was known before the question can be found missing by its answer.
    const before = { waiting: [...this.line.tasks()].map(({ taskId }) => taskId), started: [...this.started.keys()] };
    const sights = await this.queues.look();
    const [waiting, running] = [new Set(sights.flatMap((sight) => sight.waiting)), new Set(sights.flatMap((sight) => sight.running))];
    for (const taskId of before.waiting) if (!waiting.has(taskId) && !this.heardOf.has(taskId)) this.line.remove(taskId);
    for (const taskId of before.started) if (!running.has(taskId) && !this.heardOf.has(taskId)) this.end(taskId);
    for (const { tier, waiting: ids, running: active } of sights) {
      for (const { task } of await this.unknown(tier, ids.filter((taskId) => !this.line.has(taskId)))) this.line.add(task);
      for (const { task, startedAt } of await this.unknown(tier, active.filter((taskId) => !this.started.has(taskId)))) this.start(task, startedAt ?? Date.now());
    }
  }

  private take(taskId: string, hostId: string, resources: readonly string[], cluster: ClusterState, now: number): void {
    this.heardOf.add(taskId);
    const task = this.line.get(taskId);
    if (task === undefined) return;
    this.line.noteStart(taskId, hostId, resources, cluster);
    this.start(task, now);
  }

  /** Jobs of which nothing was known when the look began, and nothing was said since. */
  private async unknown(tier: QualityTier, taskIds: readonly string[]): Promise<SeenJob[]> {
    const jobs = await this.queues.describe(tier, taskIds.filter((taskId) => !this.heardOf.has(taskId)));
    return jobs.filter(({ task }) => !this.heardOf.has(task.taskId));
  }

  private start(task: WaitingTask, startedAt: number): void {
    if (!this.started.has(task.taskId)) this.counts[task.tier] += 1;
    this.started.set(task.taskId, { task, startedAt });
  }

  private end(taskId: string): void {
    const ended = this.started.get(taskId);
    if (ended === undefined) return;
    this.started.delete(taskId);
    this.counts[ended.task.tier] -= 1;
  }
}
