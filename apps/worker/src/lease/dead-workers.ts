/**
 * Which of the cluster's workers are dead, for sure.
 *
 * Owns what was seen of each worker's word in the last looks. Must stay true: a worker counts as dead only after its word
 * was missing in several looks, all answered, for longer than a living one needs to speak again ({@link AbsenceWatch}):
 * after an outage of Redis nobody's word is there at first. One that was frozen for that long counts as dead too, and
 * finds its tasks taken when it comes to itself.
 */
import { Inject, Injectable } from '@nestjs/common';
import { AbsenceWatch, WorkerRegistry } from '@function-runner/task-store';
import { setTimeout as delay } from 'node:timers/promises';

/** Between two looks while somebody waits for the verdict. */
const LOOK_AGAIN_MS = 500;

/** Workers that are remembered: of more, the one that was heard of longest ago is forgotten. */
const MOST_KNOWN = 1000;

@Injectable()
export class DeadWorkers {
  /** Workers that were seen alive or asked after, the latest last. */
  private readonly known = new Set<string>();
  private readonly absences = new AbsenceWatch();

  constructor(@Inject(WorkerRegistry) private readonly registry: Pick<WorkerRegistry, 'list'>) {}

  /** Looks once: to be called every second, so that a verdict need not be waited for. Returns those alive. @throws when Redis does not answer */
  async look(): Promise<ReadonlySet<string>> {
    const alive = new Set((await this.registry.list()).map(({ workerId }) => workerId));
    for (const workerId of alive) this.know(workerId);
    this.absences.look([...this.known].filter((workerId) => !alive.has(workerId)), performance.now());
    return alive;
  }

  /** Whether the worker is dead; settles as soon as that is sure. @throws when Redis does not answer */
  async isDead(workerId: string): Promise<boolean> {
    this.know(workerId);
    for (;;) {
      if ((await this.look()).has(workerId)) return false;
      if (this.absences.isGone(workerId)) return true;
      await delay(LOOK_AGAIN_MS, undefined, { ref: false });
    }
  }

  private know(workerId: string): void {
    this.known.delete(workerId);
    this.known.add(workerId);
    for (const oldest of this.known) {
      if (this.known.size <= MOST_KNOWN) break;
      this.known.delete(oldest);
    }
  }
}
