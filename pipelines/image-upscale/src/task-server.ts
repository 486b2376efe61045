import { abandonedWrite } from './image-encoder.js';
import { PipelineFailure } from './pipeline-failure.js';
import { forgetPeak, peakResidentBytes, releaseBuffers, residentBytes } from './process-memory.js';
import { ProtocolWriter } from './protocol-writer.js';
import { runTask } from './run-task.js';
import { readServerLine, type ServerLine, type Task } from './task-line.js';
import { unlessAborted } from './unless-aborted.js';
import type { UpscaleModel } from './upscale-model.js';
import { tensorsInMemory } from './wasm-backend.js';

/**
 * Server mode: many tasks, one after another, on one model in memory. Owns the queue of lines from stdin; `accept`
 * is called with each in turn. Every line but a cancel is answered by exactly one `done` or `error`, in the order of
 * the lines: these carry no task id, so an answer out of turn would be taken for the running task's.
 * Nothing of a task outlives it but the model, the backend and the sizes to which they have grown.
 */
export class TaskServer {
  /** The running task and those that wait, each with what aborts it. */
  private readonly tasks = new Map<Task, AbortController>();
  private last: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly model: UpscaleModel,
    private readonly write: (line: string) => void,
  ) {}

  /** Takes one line; returns at once. */
  accept(line: string): void {
    let message: ServerLine;
    try {
      // Folders come from the line alone: the container's environment knows no task.
      message = readServerLine(line, { modelsPath: '' });
    } catch (error) {
      this.enqueue(() => Promise.reject(PipelineFailure.from(error)));
      return;
    }
    if (message.kind === 'cancel') this.cancel(message.taskId);
    else this.enqueueTask(message.task);
  }

  /** Resolves when all that was accepted has been answered. */
  async drained(): Promise<void> {
    await this.last;
  }

  /** Aborts all tasks and answers no more: the process is about to end. */
  stop(): void {
    this.stopped = true;
    for (const abort of this.tasks.values()) abort.abort();
  }

  /** A task that is not here has ended, or never came: then there is nothing to do. */
  private cancel(taskId: unknown): void {
    for (const [task, abort] of this.tasks) if (task.taskId !== '' && task.taskId === taskId) abort.abort();
  }

  private enqueueTask(task: Task): void {
    const abort = new AbortController();
    this.tasks.set(task, abort);
    this.enqueue(async (events) => {
      try {
        await unlessAborted(abandonedWrite(), abort.signal);
        await runTask(task, { scale: this.model.scale, resident: true, load: () => Promise.resolve(this.model) }, events, abort.signal);
      } catch (error) {
        throw abort.signal.aborted ? new PipelineFailure('CANCELLED', 'The task was cancelled.') : error;
      } finally {
        this.tasks.delete(task);
      }
    });
  }

  private enqueue(work: (events: ProtocolWriter) => Promise<void>): void {
    this.last = this.last.then(() => this.answer(work));
  }

  /** Never rejects: an error of one task is that task's only. */
  private async answer(work: (events: ProtocolWriter) => Promise<void>): Promise<void> {
    const events = new ProtocolWriter(this.write);
    forgetPeak();
    const failure = await work(events).then(
      () => undefined,
      (error: unknown) => PipelineFailure.from(error),
    );
    if (this.stopped) return;
    releaseBuffers();
    events.metric('peak_rss_bytes', peakResidentBytes());
    events.metric('rss_bytes', residentBytes());
    events.metric('tensors', tensorsInMemory());
    if (failure) events.failed(failure);
    else events.done();
  }
}
