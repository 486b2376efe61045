/**
 * Bundles the reports that an attempt makes within one turn of the loop, since one script stores many as fast as one:
 * a chunk of a container's output often holds several lines.
 *
 * Owns the bundles of this turn. Must stay true: a report keeps its own event and seq; its place among the task's
 * writes is where it was made, so whoever writes something else of the task calls {@link AppendQueue.flush} first;
 * nothing waits longer than the turn.
 */
import type { ProgressReport } from '@function-runner/progress-protocol';
import type { TaskIdentity } from './task-record.js';

/** A progress event on its way into the log. */
export interface QueuedReport extends ProgressReport {
  state: 'preparing' | 'running';
  now: Date;
}

/** Stores reports in their order, in one step; answers the first one's seq, or 0 or less where none was stored. */
export type WriteReports = (identity: TaskIdentity, attempt: number, reports: readonly QueuedReport[]) => Promise<number>;

export class AppendQueue {
  private readonly bundles = new Map<string, Bundle>();

  constructor(private readonly write: WriteReports) {}

  /** The report's seq, or what the script says instead. */
  async add(identity: TaskIdentity, attempt: number, report: QueuedReport): Promise<number> {
    const { taskId } = identity;
    if (this.bundles.get(taskId)?.attempt !== attempt) this.flush(taskId);
    const bundle = this.bundles.get(taskId) ?? this.open(identity, attempt);
    const place = bundle.reports.push(report) - 1;
    const first = await bundle.written;
    return first > 0 ? first + place : first;
  }

  /** Writes what waits of a task, before the caller's own write. */
  flush(taskId: string): void {
    const bundle = this.bundles.get(taskId);
    if (bundle !== undefined) this.send(bundle);
  }

  private open(identity: TaskIdentity, attempt: number): Bundle {
    const bundle = new Bundle(identity, attempt);
    this.bundles.set(identity.taskId, bundle);
    queueMicrotask(() => this.send(bundle));
    return bundle;
  }

  private send(bundle: Bundle): void {
    if (this.bundles.get(bundle.identity.taskId) !== bundle) return;
    this.bundles.delete(bundle.identity.taskId);
    this.write(bundle.identity, bundle.attempt, bundle.reports).then(bundle.settle.resolve, bundle.settle.reject);
  }
}

class Bundle {
  readonly reports: QueuedReport[] = [];
  readonly written: Promise<number>;
  settle!: { resolve: (first: number) => void; reject: (error: unknown) => void };

  constructor(
    readonly identity: TaskIdentity,
    readonly attempt: number,
  ) {
    this.written = new Promise((resolve, reject) => (this.settle = { resolve, reject }));
  }
}
