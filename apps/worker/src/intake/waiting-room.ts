/**
 * What waits in the queues, as this worker knows it, and how many of each tier run.
 *
 * Owns a mirror: messages keep it in step within a millisecond, and a look at the queues mends what a lost message left
 * wrong. Must stay true: a task that waits is in the line after the next look at the latest, and one that is gone is not.
 * In between a wrong line costs a vain request for a job, and nothing else: who has a job is decided in its queue.
 */
import type { QualityTier } from '@function-runner/pipeline-schema';
import { WaitingLine, type ClusterState, type SchedulerMessage, type WaitingTask } from '@function-runner/scheduling';
import type { QueueSight } from './tier-queues.adapter.js';

/** What the room looks at. */
export interface WaitingQueues {
  look(): Promise<QueueSight[]>;
  describe(tier: QualityTier, taskIds: readonly string[]): Promise<WaitingTask[]>;
}

export class WaitingRoom {
  readonly line = new WaitingLine();
  private readonly running: Record<QualityTier, number> = { low: 0, standard: 0, high: 0, premium: 0 };
  /** Tasks that are known to run, so that their end makes room in the right tier. */
  private readonly tierOf = new Map<string, QualityTier>();

  constructor(
    private readonly queues: WaitingQueues,
    private readonly limits: Readonly<Record<QualityTier, number>>,
  ) {}

  get tiers(): ClusterState['tiers'] {
    const state = (tier: QualityTier): ClusterState['tiers'][QualityTier] => ({ running: this.running[tier], limit: this.limits[tier] });
    return { low: state('low'), standard: state('standard'), high: state('high'), premium: state('premium') };
  }

  /** A task waits, new or again. */
  enter(task: WaitingTask): void {
    this.line.add(task);
  }

  /** A task has been taken, by whomever, on these resources of a host. */
  taken(taskId: string, hostId: string, resources: readonly string[], cluster: ClusterState): void {
    const task = this.line.get(taskId);
    if (task === undefined) return;
    this.line.noteStart(taskId, hostId, resources, cluster);
    this.tierOf.set(taskId, task.tier);
    this.running[task.tier] += 1;
  }

  /** A task waits no more, and nobody is known to have taken it. */
  gone(taskId: string): void {
    this.line.remove(taskId);
  }

  /** Its tier turned out to be full. */
  full(tier: QualityTier): void {
    this.running[tier] = Math.max(this.running[tier], this.limits[tier]);
  }

  ended(taskId: string): void {
    const tier = this.tierOf.get(taskId);
    if (tier === undefined) return;
    this.tierOf.delete(taskId);
    this.running[tier] = Math.max(0, this.running[tier] - 1);
  }

  /** Hears what another process says. */
  hear(message: Extract<SchedulerMessage, { kind: 'waiting' | 'taken' | 'ended' }>, cluster: () => ClusterState): void {
    if (message.kind === 'waiting') this.enter(message.task);
    else if (message.kind === 'ended') message.taskIds.forEach((taskId) => this.ended(taskId));
    else for (const { taskId, resources } of message.tasks) this.taken(taskId, message.host, resources, cluster());
  }

  /** Looks at the queues and puts right what is wrong. */
  async look(): Promise<void> {
    // Only what was known before the question can be found missing by its answer.
    const before = [...this.line.tasks()];
    const sights = await this.queues.look();
    const seen = new Set(sights.flatMap(({ waiting }) => waiting));
    for (const { taskId } of before) if (!seen.has(taskId)) this.line.remove(taskId);
    this.tierOf.clear();
    for (const { tier, waiting, running } of sights) {
      this.running[tier] = running.length;
      for (const taskId of running) this.tierOf.set(taskId, tier);
      for (const task of await this.queues.describe(tier, waiting.filter((taskId) => !this.line.has(taskId)))) this.line.add(task);
    }
  }
}
