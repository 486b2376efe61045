/**
 * Gives the jobs of dead workers back to their queues, so that others run their tasks.
 *
 * Every worker looks, and the first to be sure gives back. Owns what it saw in its last looks. Must stay true: a job is
 * given back only after its lock was missing for longer than a living worker needs to take it up again, with a Redis that
 * answered all the while ({@link AbsenceWatch}).
 */
import { AbsenceWatch } from '@function-runner/task-store';
import type { UnlockedJob } from './tier-queues.adapter.js';

/** The queues, as far as they are needed here. */
interface UnlockedJobs {
  unlocked(): Promise<UnlockedJob[]>;
  giveAgain(jobs: readonly UnlockedJob[]): Promise<string[]>;
}

export class LostJobs {
  private readonly absences = new AbsenceWatch();

  constructor(private readonly queues: UnlockedJobs) {}

  /** Looks once, to be called every second. Returns the tasks that wait again. @throws when Redis does not answer */
  async look(): Promise<string[]> {
    const unlocked = await this.queues.unlocked();
    // What was started since is another absence.
    const byName = new Map(unlocked.map((job) => [`${job.tier}/${job.taskId}/${job.starts}`, job]));
    const lost = this.absences.look(byName.keys(), performance.now()).flatMap((name) => byName.get(name) ?? []);
    return lost.length === 0 ? [] : this.queues.giveAgain(lost);
  }
}
