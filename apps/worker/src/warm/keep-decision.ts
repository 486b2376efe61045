/** What is known of a serving container when its task has ended. */
export interface KeepFacts {
  /** Why it takes no further task, if it says so. */
  unfit: string | undefined;
  /** Memory in use now and after its first task, bytes; undefined where it cannot be measured. */
  memory: { now: number | undefined; atFirst: number | undefined };
  /** Containers that the pool may keep, and has, this one included. */
  room: { most: number; now: number };
  /** Whether it would be one of those that the operator wants to be kept. */
  pinned: boolean;
  /** Whether another one is idle that nobody wants to be kept, and so can go instead of this one. */
  othersIdle: boolean;
}

/** What becomes of it: kept, kept in place of the one that has been idle longest, or ended, and why. */
export type KeepDecision = { keep: true; evictLongestIdle: boolean } | { keep: false; why: string };

/** Growth over the first task's memory that is taken for a leak: twice as much and 256 MiB on top. */
const GROWTH_FACTOR = 2;
const GROWTH_BYTES = 256 * 1024 ** 2;

/** Decides whether a serving container stays warm. Pure. */
export function decideKeep({ unfit, memory, room, pinned, othersIdle }: KeepFacts): KeepDecision {
  if (unfit !== undefined) return { keep: false, why: unfit };
  if (room.most === 0) return { keep: false, why: 'none is kept' };
  if (memory.now !== undefined && memory.atFirst !== undefined && memory.now > memory.atFirst * GROWTH_FACTOR + GROWTH_BYTES) {
    return { keep: false, why: `its memory grew from ${mebibytes(memory.atFirst)} to ${mebibytes(memory.now)}` };
  }
  if (room.now <= room.most) return { keep: true, evictLongestIdle: false };
  if (othersIdle) return { keep: true, evictLongestIdle: true };
  // Together they are no more than may be kept: what is too much is at work, and goes when its task ends.
  return pinned ? { keep: true, evictLongestIdle: false } : { keep: false, why: 'the pool is full' };
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 ** 2)} MiB`;
}
