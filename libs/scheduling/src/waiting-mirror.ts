/**
 * What waits in the queues and what runs, as one process knows it.
 *
 * Owns a mirror: messages keep it in step within a millisecond, and a look at the queues mends what a lost message left
 * wrong. Must stay true: after a look what waits is in the line, and what does not is not; what was said during a look
 * counts more than what that saw. In between a wrong line costs a vain request for a job, or an event that comes a moment
 * late, and nothing else: who has a job is decided in its queue.
 */
import type { QualityTier } from '@function-runner/pipeline-schema';
import type { ClusterState, TierState } from './cluster-state.js';
import type { SchedulerMessage } from './scheduler-message.js';
import type { TakenTask } from './taken-task.js';
import type { VisibleQueues } from './visible-queues.port.js';
import { WaitingLine } from './waiting-line.js';
import type { WaitingTask } from './waiting-task.js';

/** A task that runs, and since when (milliseconds since the epoch). */
export interface RunningJob {
  task: WaitingTask;
  startedAt: number;
}

/** Of a job that cannot be read nobody knows the task; it counts all the same. */
interface Run {
  tier: QualityTier;
  job: RunningJob | undefined;
}

export class WaitingMirror {
  readonly line = new WaitingLine();
  /** By task. */
  private readonly runs = new Map<string, Run>();
  /** How many of each tier are among the runs. */
  private readonly counts: Record<QualityTier, number> = { low: 0, standard: 0, high: 0, premium: 0 };
  /** How many more there must be, since a queue said that its tier is full. */
  private readonly unseen: Record<QualityTier, number> = { low: 0, standard: 0, high: 0, premium: 0 };
  /** Of each look under way: the tasks of which something was said since it began. */
  private readonly looks = new Set<Set<string>>();

  constructor(
    private readonly queues: VisibleQueues,
    /** Tasks of each tier that may run at once. */
    private readonly limits: Readonly<Record<QualityTier, number>>,
  ) {}

  /** What runs, as far as its jobs can be read. In no order. */
  *running(): IterableIterator<RunningJob> {
    for (const { job } of this.runs.values()) if (job !== undefined) yield job;
  }

  get tiers(): ClusterState['tiers'] {
    const tier = (name: QualityTier): TierState => ({ running: this.counts[name] + this.unseen[name], limit: this.limits[name] });
    return { low: tier('low'), standard: tier('standard'), high: tier('high'), premium: tier('premium') };
  }

  /**
   * Takes in what another process says.
   *
   * @param hosts as they are thought to have been before it.
   * @param now milliseconds since the epoch.
   */
  hear(message: SchedulerMessage, hosts: () => ClusterState['hosts'], now: number): void {
    switch (message.kind) {
      case 'waiting':
        this.enter(message.task);
        return;
      case 'taken': {
        const cluster = { hosts: hosts(), tiers: this.tiers };
        for (const task of message.tasks) this.taken(task, message.host, cluster, now);
        return;
      }
      case 'ended':
        for (const taskId of message.taskIds) this.ended(taskId);
        return;
      case 'free':
    }
  }

  /** A task waits, new or again. */
  enter(task: WaitingTask): void {
    this.note(task.taskId);
    this.end(task.taskId);
    this.line.add(task);
  }

  /**
   * A task was taken to be run, by whomever. One that was not known to wait is found by the next look.
   *
   * @param cluster as it was when the task was chosen.
   * @param now milliseconds since the epoch.
   */
  taken(taken: TakenTask, hostId: string, cluster: ClusterState, now: number): void {
    this.note(taken.taskId);
    const task = this.line.get(taken.taskId);
    if (task === undefined) return;
    this.line.noteStart(taken, hostId, cluster);
    this.begin(taken.taskId, { tier: task.tier, job: { task, startedAt: now } });
  }

  /** A task waits no more, and nobody is known to have taken it. */
  gone(taskId: string): void {
    this.note(taskId);
    this.line.remove(taskId);
  }

  /** A task runs no more. */
  ended(taskId: string): void {
    this.note(taskId);
    this.end(taskId);
  }

  /** A tier turned out to be full: what runs of it unknown is found by the next look. */
  full(tier: QualityTier): void {
    this.unseen[tier] = Math.max(this.unseen[tier], this.limits[tier] - this.counts[tier]);
  }

  /**
   * Looks at the queues and puts right what is wrong.
   *
   * @param now milliseconds since the epoch.
   * @throws whatever the queues throw; then the next look mends the rest.
   */
  async look(now: number): Promise<void> {
    const saidOf = new Set<string>();
    this.looks.add(saidOf);
    try {
      await this.compare(saidOf, now);
    } finally {
      this.looks.delete(saidOf);
    }
  }

  private async compare(saidOf: ReadonlySet<string>, now: number): Promise<void> {
    // Only what was known before the question can be found missing by its answer.
    const before = { waiting: [...this.line.tasks()].map(({ taskId }) => taskId), running: [...this.runs.keys()] };
    const sights = await this.queues.look();
    const running = new Set(sights.flatMap((sight) => sight.running));
    // One that was taken under the look may be seen twice.
    const waiting = new Set(sights.flatMap((sight) => sight.waiting).filter((taskId) => !running.has(taskId)));
    for (const taskId of before.waiting) if (!waiting.has(taskId) && !saidOf.has(taskId)) this.line.remove(taskId);
    for (const taskId of before.running) if (!running.has(taskId) && !saidOf.has(taskId)) this.end(taskId);
    for (const sight of sights) {
      this.unseen[sight.tier] = 0;
      for (const taskId of sight.running) if (!saidOf.has(taskId) && !this.runs.has(taskId)) this.begin(taskId, { tier: sight.tier, job: undefined });
    }
    for (const sight of sights) {
      const unknown = [...sight.waiting.filter((taskId) => waiting.has(taskId) && !this.line.has(taskId)), ...sight.running.filter((taskId) => this.runs.get(taskId)?.job === undefined)];
      for (const { task, startedAt = now } of await this.queues.describe(sight.tier, unknown.filter((taskId) => !saidOf.has(taskId)))) {
        if (saidOf.has(task.taskId)) continue;
        if (waiting.has(task.taskId)) this.line.add(task);
        else if (this.runs.has(task.taskId)) this.begin(task.taskId, { tier: sight.tier, job: { task, startedAt } });
      }
    }
  }

  /** What is said of a task is newer than what any look under way sees. */
  private note(taskId: string): void {
    for (const saidOf of this.looks) saidOf.add(taskId);
  }

  private begin(taskId: string, run: Run): void {
    if (!this.runs.has(taskId)) this.counts[run.tier] += 1;
    this.runs.set(taskId, run);
  }

  private end(taskId: string): void {
    const run = this.runs.get(taskId);
    if (run === undefined) return;
    this.runs.delete(taskId);
    this.counts[run.tier] -= 1;
  }
}
