import { Logger } from '@nestjs/common';
import { TaskError } from '@function-runner/task-contract';
import type { TaskStore } from '@function-runner/task-store';
import { toTaskError } from '../redis/redis-fault.js';
import type { RedisPatience } from '../redis/redis-patience.js';
import type { DispatchService, PreparedTask, StartedTask } from './dispatch.service.js';
import type { GenerationRequest } from './generation-request.js';

/** Items that are dispatched at once; the rest of a batch waits for them, so that single requests get their turn. */
const ITEMS_AT_ONCE = 50;

/** An item of a batch after its first trip; an error stands for itself alone. */
export type PreparedItem = { request: GenerationRequest; prepared: PreparedTask | TaskError };

/** Starts batches: many tasks under one name, each of which may fail on its own. */
export class BatchService {
  private readonly logger = new Logger('Batches');

  constructor(
    private readonly dispatch: DispatchService,
    private readonly store: TaskStore,
    private readonly patience: Pick<RedisPatience, 'within'>,
  ) {}

  /**
   * Prepares every item, and stores which tasks make up the batch before any of them exists: whoever sees an event
   * of one then finds the batch. A batch sent again, or continued, keeps the tasks that it had.
   * @throws TaskError VALIDATION_FAILED where the batch belongs to another project | UNAVAILABLE
   */
  async prepare(batchId: string, projectId: string, requests: readonly GenerationRequest[]): Promise<PreparedItem[]> {
    const before = await this.readOwn(batchId, projectId);
    const attempt = untilRedisIsAway();
    const items = await inTurns(requests, async (request): Promise<PreparedItem> => ({ request, prepared: await attempt(() => this.dispatch.prepare(request)) }));
    const taskIds = new Set([...before, ...items.flatMap(({ prepared }) => taskIdOf(prepared))]);
    if (taskIds.size > 0) await this.write(batchId, projectId, [...taskIds]);
    return items;
  }

  /** Starts the prepared items, in order. The batch forgets those that never came to be. */
  async commit(batchId: string, projectId: string, items: readonly PreparedItem[]): Promise<(TaskError | StartedTask)[]> {
    const attempt = untilRedisIsAway();
    const outcomes = await inTurns(items, ({ prepared }) => (prepared instanceof TaskError ? Promise.resolve(prepared) : attempt(() => this.dispatch.commit(prepared))));
    const lost = new Set(items.flatMap(({ prepared }, index) => {
      const outcome = outcomes[index];
      return outcome instanceof TaskError && outcome.code !== 'DISPATCH_FAILED' ? taskIdOf(prepared) : [];
    }));
    if (lost.size > 0) await this.forget(batchId, projectId, lost);
    return outcomes;
  }

  private async forget(batchId: string, projectId: string, lost: ReadonlySet<string>): Promise<void> {
    try {
      const remaining = (await this.readOwn(batchId, projectId)).filter((taskId) => !lost.has(taskId));
      await this.write(batchId, projectId, remaining);
    } catch (error) {
      // The client has its outcomes all the same; sent again, the batch starts what is lost under the same ids.
      this.logger.warn(`the batch ${batchId} still counts ${lost.size} tasks that were not started: ${String(error)}`);
    }
  }

  /** The tasks of a batch so far; none where it is new. */
  private async readOwn(batchId: string, projectId: string): Promise<readonly string[]> {
    const stored = await this.patience.within(() => this.store.readBatch(batchId)).catch((error: unknown) => {
      throw toTaskError(error, 'INTERNAL');
    });
    if (stored !== undefined && stored.projectId !== projectId) {
      throw new TaskError('VALIDATION_FAILED', `the batch id "${batchId}" is in use by another project; choose another, or leave it out`);
    }
    return stored?.taskIds ?? [];
  }

  private async write(batchId: string, projectId: string, taskIds: string[]): Promise<void> {
    try {
      await this.patience.within(() => this.store.putBatch(batchId, { projectId, taskIds }));
    } catch (error) {
      throw toTaskError(error, 'DISPATCH_FAILED');
    }
  }
}

function taskIdOf(prepared: PreparedTask | TaskError): string[] {
  if (prepared instanceof TaskError) return [];
  return [prepared.kind === 'new' ? prepared.task.taskId : prepared.record.taskId];
}

/** Carries out items; once Redis has let one wait in vain, those that have not begun do not wait as well. */
function untilRedisIsAway(): <T>(work: () => Promise<T>) => Promise<T | TaskError> {
  let away: TaskError | undefined;
  return async (work) => {
    if (away !== undefined) return away;
    try {
      return await work();
    } catch (error) {
      const refusal = toTaskError(error, 'DISPATCH_FAILED');
      if (refusal.code === 'UNAVAILABLE') away = refusal;
      return refusal;
    }
  };
}

async function inTurns<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let start = 0; start < items.length; start += ITEMS_AT_ONCE) {
    results.push(...(await Promise.all(items.slice(start, start + ITEMS_AT_ONCE).map(work))));
  }
  return results;
}
