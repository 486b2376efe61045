/**
 * Tells waiting tasks where they stand, as often as it is worth it.
 *
 * Owns what each was told last. Must stay true: a task is told nothing before it has waited {@link PATIENCE_MS}, so that one
 * that starts at once has no such event; a round tells no more than {@link MOST_A_ROUND}, those first that have been told
 * nothing for longest. That nothing is told after a task's start is the store's to see to.
 */
import type { TaskIdentity, TaskStore } from '@function-runner/task-store';
import type { StandingTask } from './standings.js';
import { isWorthTelling, type Told } from './worth-telling.js';

/** How long a task must have waited, milliseconds, before it is told why. */
const PATIENCE_MS = 500;

/** Events of one round. */
const MOST_A_ROUND = 100;

interface KnownTask {
  /** Since when it has been seen waiting, and what it was told; milliseconds of the monotonic clock. */
  since: number;
  told: Told | undefined;
  identity: TaskIdentity | undefined;
  /** It can be told nothing any more: its record is gone, or its log is full. */
  closed: boolean;
}

/** Something to be told. */
export interface Telling {
  standing: StandingTask;
  known: KnownTask;
}

export class QueueTeller {
  private known = new Map<string, KnownTask>();

  constructor(
    private readonly store: Pick<TaskStore, 'readMany' | 'tellQueued'>,
    private readonly onTold: () => void,
  ) {}

  /** Those for whom there is news, the longest overdue first. Tasks that are not among the standings are forgotten. */
  choose(standings: readonly StandingTask[], now: number): Telling[] {
    const known = new Map<string, KnownTask>();
    const due: Telling[] = [];
    for (const standing of standings) {
      const { taskId } = standing.task;
      const task = this.known.get(taskId) ?? { since: now, told: undefined, identity: undefined, closed: false };
      known.set(taskId, task);
      if (!task.closed && now - task.since >= PATIENCE_MS && isWorthTelling(standing, task.told, now)) due.push({ standing, known: task });
    }
    this.known = known;
    due.sort((a, b) => (a.known.told?.at ?? 0) - (b.known.told?.at ?? 0));
    return due.slice(0, MOST_A_ROUND);
  }

  /** Tells those that were chosen at that time. @throws what Redis answers */
  async tell(tellings: readonly Telling[], now: number): Promise<void> {
    await this.identify(tellings);
    await Promise.all(tellings.map((telling) => this.tellOne(telling, now)));
  }

  /** Finds out what an event must name; once a task. */
  private async identify(tellings: readonly Telling[]): Promise<void> {
    const strangers = tellings.filter(({ known }) => known.identity === undefined);
    const records = new Map((await this.store.readMany(strangers.map(({ standing }) => standing.task.taskId))).map((record) => [record.taskId, record]));
    for (const { standing, known } of strangers) {
      const record = records.get(standing.task.taskId);
      if (record === undefined) known.closed = true;
      else known.identity = { taskId: record.taskId, nodeId: record.nodeId, projectId: record.projectId, ...(record.batchId === undefined ? {} : { batchId: record.batchId }) };
    }
  }

  private async tellOne({ standing: { position, etaSeconds, step }, known }: Telling, now: number): Promise<void> {
    const { identity, told } = known;
    if (identity === undefined) return;
    // Before the answer, and whatever it is: one that does not wait after all is not asked about again until there is news.
    known.told = { position, etaSeconds, step, at: now, times: (told?.times ?? 0) + 1 };
    const { kind } = await this.store.tellQueued(identity, { queuePosition: position, etaSeconds, step });
    if (kind === 'stored') this.onTold();
    else if (kind === 'exhausted') known.closed = true;
  }
}
