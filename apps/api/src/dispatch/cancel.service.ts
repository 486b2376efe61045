import { Logger } from '@nestjs/common';
import type { CancelAcknowledgedPayload } from '@function-runner/progress-protocol';
import { TaskError } from '@function-runner/task-contract';
import type { TaskRecord, TaskStore } from '@function-runner/task-store';
import type { TaskQueues } from '../queue/task-queues.adapter.js';
import { toTaskError } from '../redis/redis-fault.js';

/** Cancels tasks: a waiting one at once, a running one through its worker. */
export class CancelService {
  private readonly logger = new Logger('Cancel');

  constructor(
    private readonly store: TaskStore,
    private readonly queues: TaskQueues,
  ) {}

  /** @throws TaskError TASK_NOT_FOUND | UNAVAILABLE */
  async cancel(taskId: string, reason: string): Promise<CancelAcknowledgedPayload> {
    try {
      const record = await this.store.read(taskId);
      if (record === undefined) throw notFound(taskId);
      const outcome = await this.store.cancel(record, reason);
      switch (outcome.kind) {
        case 'cancelled':
          await this.removeJob(record);
          return { taskId, status: 'cancelled' };
        case 'cancelling':
          return { taskId, status: 'cancelling' };
        case 'ended':
          return { taskId, status: outcome.state };
        case 'missing':
          throw notFound(taskId);
      }
    } catch (error) {
      throw toTaskError(error, 'INTERNAL');
    }
  }

  /** Cancels each task of a batch. @throws TaskError TASK_NOT_FOUND for an unknown batch */
  async cancelBatch(batchId: string, reason: string): Promise<CancelAcknowledgedPayload[]> {
    try {
      const batch = await this.store.readBatch(batchId);
      if (batch === undefined) throw new TaskError('TASK_NOT_FOUND', `there is no batch "${batchId}", or its history has expired`);
      const outcomes = await Promise.all(batch.taskIds.map((taskId) => this.cancelIfThere(taskId, reason)));
      return outcomes.filter((outcome) => outcome !== undefined);
    } catch (error) {
      throw toTaskError(error, 'INTERNAL');
    }
  }

  /** A task of a batch whose history has expired is no error of the batch. */
  private async cancelIfThere(taskId: string, reason: string): Promise<CancelAcknowledgedPayload | undefined> {
    try {
      return await this.cancel(taskId, reason);
    } catch (error) {
      if (error instanceof TaskError && error.code === 'TASK_NOT_FOUND') return undefined;
      throw error;
    }
  }

  /** The task has ended; its job is litter. One that a worker has just taken stays: the worker finds the task ended. */
  private async removeJob(record: TaskRecord): Promise<void> {
    try {
      await this.queues.remove(record.quality, record.taskId);
    } catch (error) {
      this.logger.debug(`the job of the cancelled task ${record.taskId} stays for its worker to drop: ${String(error)}`);
    }
  }
}

function notFound(taskId: string): TaskError {
  return new TaskError('TASK_NOT_FOUND', `there is no task "${taskId}", or its history has expired`);
}
