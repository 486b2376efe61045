/**
 * Bundles the reports that an attempt makes within one turn of the loop, since one script stores many as fast as one:
 * a chunk of a container's output often holds several lines.
 *
 * Owns the bundles of this turn. Must stay true: a report keeps its own event and seq; its place among the task's
 * writes is where it was made, so whoever writes something else of the task calls {@link AppendQueue.flush} first;
 * nothing waits longer than the turn; the ordinals of a process rise, so that a bundle that is sent twice is known again.
 */
import type { ProgressReport } from '@function-runner/progress-protocol';
import type { HeldTask } from './task-record.js';

/** A progress event on its way into the log. */
export interface QueuedReport extends ProgressReport {
  state: 'preparing' | 'running';
  now: Date;
}

/** Reports of one attempt that are stored together. */
export interface ReportBundle {
  task: HeldTask;
  attempt: number;
  /** The first report's; the others follow by one. */
  ordinal: number;
  reports: readonly QueuedReport[];
}

/** Stores reports in their order, in one step; answers the first one's seq, or 0 or less where none was stored. */
export type WriteReports = (bundle: ReportBundle) => Promise<number>;

export class AppendQueue {
  private readonly bundles = new Map<string, Bundle>();
  private ordinal = 0;

  constructor(private readonly write: WriteReports) {}

  /** The report's seq, or what the script says instead. */
  async add(task: HeldTask, attempt: number, report: QueuedReport): Promise<number> {
    const { taskId } = task;
    if (this.bundles.get(taskId)?.attempt !== attempt) this.flush(taskId);
    const bundle = this.bundles.get(taskId) ?? this.open(task, attempt);
    const place = bundle.reports.push(report) - 1;
    const first = await bundle.written;
    return first > 0 ? first + place : first;
  }

  /** Writes what waits of a task, before the caller's own write. */
  flush(taskId: string): void {
    const bundle = this.bundles.get(taskId);
    if (bundle !== undefined) this.send(bundle);
  }

  /** The next ordinal, and those of so many more behind it, are the caller's. */
  number(count: number): number {
    const first = this.ordinal + 1;
    this.ordinal += count;
    return first;
  }

  private open(task: HeldTask, attempt: number): Bundle {
    const bundle = new Bundle(task, attempt);
    this.bundles.set(task.taskId, bundle);
    queueMicrotask(() => this.send(bundle));
    return bundle;
  }

  private send(bundle: Bundle): void {
    const { task, attempt, reports } = bundle;
    if (this.bundles.get(task.taskId) !== bundle) return;
    this.bundles.delete(task.taskId);
    this.write({ task, attempt, ordinal: this.number(reports.length), reports }).then(bundle.settle.resolve, bundle.settle.reject);
  }
}

class Bundle {
  readonly reports: QueuedReport[] = [];
  readonly written: Promise<number>;
  settle!: { resolve: (first: number) => void; reject: (error: unknown) => void };

  constructor(
    readonly task: HeldTask,
    readonly attempt: number,
  ) {
    this.written = new Promise((resolve, reject) => (this.settle = { resolve, reject }));
  }
}
