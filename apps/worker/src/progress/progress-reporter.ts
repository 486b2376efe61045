/**
 * Reports one attempt's progress to the task's event log.
 *
 * Owns the last report and the one that waits for its turn, of one attempt. Must stay true: progress never falls;
 * at most `perSecond` reports a second, the latest wins; a write that fails costs the run nothing. A reply that says
 * "cancelled" or "superseded" is passed on: the log knows before any message arrives.
 */
import { gateProgress, type GateState, type PreviewMessage, type ProgressReport } from '@function-runner/progress-protocol';
import type { AppendOutcome, HeldTask, TaskStore } from '@function-runner/task-store';
import type { Logger } from '../logging/logger.js';

/** Milliseconds between two previews of a task. */
const PREVIEW_INTERVAL_MS = 500;

/** Milliseconds between two complaints about failing writes: a full Redis refuses hundreds a second. */
const COMPLAINT_INTERVAL_MS = 10_000;

/** What the log said about an attempt that is still running. */
export type AttemptVerdict = 'cancelling' | 'superseded';

export class ProgressReporter {
  /** When the pipeline first said how far it is, milliseconds of the monotonic clock. */
  firstReportAt: number | undefined;
  private last: GateState = { progress: 0, step: 'preparing', passedAt: Number.NEGATIVE_INFINITY, passed: 0 };
  private pending: ProgressReport | undefined;
  private timer: NodeJS.Timeout | undefined;
  private state: 'preparing' | 'running' = 'preparing';
  private closed = false;
  private lastSeq = 0;
  private previewAt = Number.NEGATIVE_INFINITY;
  private complainedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly store: TaskStore,
    private readonly task: HeldTask,
    private readonly attempt: number,
    private readonly perSecond: number,
    private readonly onVerdict: (verdict: AttemptVerdict) => void,
    private readonly logger: Logger,
  ) {}

  /** A step of the preparation, or one of the run; never waits at the gate. Settles when the log has answered, or cannot. */
  enter(state: 'preparing' | 'running', step: string): Promise<void> {
    this.state = state;
    const { progress } = this.pending ?? this.last;
    this.pending = undefined;
    // Not counted at the gate: the pipeline's own next word shall not wait for ours.
    return this.write({ progress, step }, this.last.passedAt);
  }

  /** What the pipeline reports; it runs, then. */
  report(progress: number, step: string | undefined): void {
    this.state = 'running';
    this.firstReportAt ??= performance.now();
    const latest = this.pending ?? this.last;
    const next = { progress: Math.max(latest.progress, progress), step: step ?? latest.step };
    const decision = gateProgress(this.last, next, performance.now(), this.perSecond);
    if (decision.pass === 'now' && this.pending === undefined) {
      void this.write(next);
      return;
    }
    if (decision.pass === 'never') {
      // What waited is overtaken as well: the latest says what the log says already.
      this.pending = undefined;
      return;
    }
    this.pending = next;
    if (this.timer === undefined && decision.pass === 'at') this.timer = setTimeout(() => this.flush(), Math.max(0, decision.time - performance.now()));
  }

  /** A picture of the work under way: sent when there is room, never kept. */
  preview(preview: PreviewMessage['preview']): void {
    const now = performance.now();
    if (this.closed || now - this.previewAt < PREVIEW_INTERVAL_MS) return;
    this.previewAt = now;
    const { taskId, nodeId, projectId, batchId } = this.task;
    const message: PreviewMessage = {
      task_id: taskId, node_id: nodeId, project_id: projectId, seq: this.lastSeq, attempt: this.attempt, progress: this.last.progress, step: this.last.step,
      status: this.state, timestamp: new Date().toISOString(), ...(batchId === undefined ? {} : { batch_id: batchId }), preview,
    };
    this.store.publishPreview(projectId, JSON.stringify(message)).catch((error: unknown) => this.complain(error));
  }

  /** The attempt is over: what still waits is overtaken by the terminal event. */
  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.pending = undefined;
  }

  private flush(): void {
    this.timer = undefined;
    const { pending } = this;
    this.pending = undefined;
    if (pending !== undefined) void this.write(pending);
  }

  private async write(report: ProgressReport, passedAt = performance.now()): Promise<void> {
    if (this.closed) return;
    this.last = { ...report, passedAt, passed: this.last.passed + 1 };
    try {
      this.heed(await this.store.append(this.task, this.attempt, this.state, report));
    } catch (error) {
      this.complain(error);
    }
  }

  private heed(outcome: AppendOutcome): void {
    if (outcome.kind === 'stored') this.lastSeq = outcome.seq;
    else if (!this.closed) this.onVerdict(outcome.kind);
  }

  private complain(error: unknown): void {
    const now = performance.now();
    if (now - this.complainedAt < COMPLAINT_INTERVAL_MS) return;
    this.complainedAt = now;
    this.logger.warn({ err: error }, 'progress cannot be written; the run goes on');
  }
}
