/**
 * The tasks of a project, page by page, the newest first: those that live, and those that ended within their retention.
 *
 * Reads the index `project:{id}:tasks`, whose order never changes: a task keeps the place of its submission. So a page begins
 * where the one before it ended, whatever is submitted or ends meanwhile: nothing comes twice, and nothing that was there when
 * the first page was read is left out. Entries whose record has expired are dropped on the way.
 */
import type { Redis } from 'ioredis';
import { keys } from '@function-runner/progress-protocol';
import type { TaskState } from '@function-runner/task-contract';
import type { TaskRecord } from './task-record.js';
import type { TaskStore } from './task-store.js';

/** Entries that one page looks through, where a state is asked for that few tasks are in: some ten milliseconds of Redis's time. */
const MOST_LOOKED_AT = 2000;

/** Records that are read in one go: with large results a megabyte. */
const READ_AT_ONCE = 200;

/** A place in a project's history. */
export interface HistoryPlace {
  /** When the task there was submitted, milliseconds since the epoch. */
  submittedAt: number;
  taskId: string;
}

export interface HistoryQuery {
  /** Only tasks in this state. */
  state?: TaskState;
  /** Where the page before ended; without it the page begins with the newest task. */
  after?: HistoryPlace;
  /** Most tasks of the page. */
  limit: number;
}

export interface HistoryPage {
  tasks: TaskRecord[];
  /** Where the next page begins; undefined where there is none. A page may hold fewer tasks than its limit, or none, and still have a next one. */
  end: HistoryPlace | undefined;
}

export class ProjectHistory {
  constructor(
    private readonly redis: Redis,
    private readonly store: Pick<TaskStore, 'read'>,
  ) {}

  async page(projectId: string, { state, after, limit }: HistoryQuery): Promise<HistoryPage> {
    const tasks: TaskRecord[] = [];
    let end = after;
    for (let looked = 0; looked < MOST_LOOKED_AT && tasks.length < limit; ) {
      const places = await this.placesAfter(projectId, end, READ_AT_ONCE);
      if (places.length === 0) return { tasks, end: undefined };
      const records = await Promise.all(places.map(({ taskId }) => this.store.read(taskId)));
      this.drop(projectId, places.filter((_place, index) => records[index] === undefined));
      for (const [index, place] of places.entries()) {
        if (tasks.length === limit) break;
        end = place;
        looked += 1;
        const record = records[index];
        if (record !== undefined && (state === undefined || record.state === state)) tasks.push(record);
      }
    }
    const [next] = await this.placesAfter(projectId, end, 1);
    return { tasks, end: next === undefined ? undefined : end };
  }

  /** The next places behind one, the newest first. */
  private async placesAfter(projectId: string, after: HistoryPlace | undefined, count: number): Promise<HistoryPlace[]> {
    // Several may have been submitted in one millisecond; they follow each other by their ids.
    for (let passed = 0; ; passed += count) {
      const entries = await this.redis.zrevrangebyscore(keys.projectTasks(projectId), after?.submittedAt ?? '+inf', '-inf', 'WITHSCORES', 'LIMIT', passed, count);
      const places = entries.flatMap((taskId, index) => (index % 2 === 0 ? [{ taskId, submittedAt: Number(entries[index + 1]) }] : []));
      const behind = places.filter(({ taskId, submittedAt }) => after === undefined || submittedAt < after.submittedAt || taskId < after.taskId);
      if (behind.length > 0 || places.length < count) return behind;
    }
  }

  /** A record is made before its entry, so that an entry without one is of a task that has expired. Nobody waits for it; what fails is dropped another time. */
  private drop(projectId: string, places: readonly HistoryPlace[]): void {
    if (places.length === 0) return;
    this.redis.zrem(keys.projectTasks(projectId), ...places.map(({ taskId }) => taskId)).catch(() => undefined);
  }
}
