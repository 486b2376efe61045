/**
 * Ends tasks that wait for a worker that does not come.
 *
 * First the job leaves its queue, which it cannot while a worker has it; then the task ends. Owns the key
 * `narrator:given-up`: what is between these two steps, so that a process that dies there leaves no task for which nobody
 * looks any more; whoever tells the queue's story next finishes it with {@link GivenUpTasks.resume}. One at a time.
 */
import { Logger } from '@nestjs/common';
import type { Redis } from 'ioredis';
import type { QualityTier } from '@function-runner/pipeline-schema';
import { keys } from '@function-runner/progress-protocol';
import { isTerminal, type TaskError } from '@function-runner/task-contract';
import type { TaskEnd, TaskStore } from '@function-runner/task-store';
import type { TaskQueues } from '../queue/task-queues.adapter.js';
import type { WaitingJobs } from '../queue/waiting-jobs.adapter.js';

/** A step that is under way. */
interface GivenUpMark {
  tier: QualityTier;
  error: string;
}

export class GivenUpTasks {
  private readonly logger = new Logger('Waiting');
  /** Whether something may have been left between its two steps: by a process before this one, or by an error. */
  private unfinished = true;

  constructor(
    private readonly redis: Redis,
    private readonly store: Pick<TaskStore, 'read' | 'finish'>,
    private readonly queues: Pick<TaskQueues, 'remove'>,
    private readonly jobs: Pick<WaitingJobs, 'has'>,
  ) {}

  /** Ends a task, unless a worker has it. Whether it does not wait any more. @throws what Redis answers; `resume` goes on from there */
  async end(taskId: string, tier: QualityTier, error: TaskError): Promise<boolean> {
    const mark: GivenUpMark = { tier, error: error.message };
    this.unfinished = true;
    await this.redis.hset(keys.givenUp, taskId, JSON.stringify(mark));
    const removed = await this.queues.remove(tier, taskId);
    if (removed) await this.finish(taskId, error.message);
    await this.redis.hdel(keys.givenUp, taskId);
    this.unfinished = false;
    return removed;
  }

  /** Finishes what was left unfinished; nothing where nothing can have been. A job that still is in its queue has its chance again. @throws what Redis answers */
  async resume(): Promise<void> {
    if (!this.unfinished) return;
    for (const [taskId, text] of Object.entries(await this.redis.hgetall(keys.givenUp))) {
      const { tier, error } = JSON.parse(text) as GivenUpMark;
      if (!(await this.jobs.has(tier, taskId))) await this.finish(taskId, error);
      await this.redis.hdel(keys.givenUp, taskId);
    }
    this.unfinished = false;
  }

  /** The task of a job that is gone. */
  private async finish(taskId: string, error: string): Promise<void> {
    const record = await this.store.read(taskId);
    if (record === undefined || isTerminal(record.state)) return;
    const end: TaskEnd = { state: 'failed', error, code: 'NO_CAPABLE_WORKER', retryable: false, logTail: [] };
    const waited = await this.store.finish(record, 'none', end);
    // Its worker was lost with it and its job waited again, which leaves the record as it was: the lost attempt ends.
    const outcome = waited.kind === 'refused' && !isTerminal(waited.state) ? await this.store.finish(record, record.attempt, end) : waited;
    if (outcome.kind === 'ended') this.logger.warn(`the task ${taskId} was given up: ${error}`);
  }
}
