/** Where a waiting task stands, as its clients are told. */
export interface Standing {
  /** Among its tier's tasks, from 1. */
  position: number;
  /** When it is thought to start, seconds from now. */
  etaSeconds: number | undefined;
  /** Why it waits, for people. */
  step: string;
}

/** What a task was told last. */
export interface Told extends Standing {
  /** Milliseconds of the clock that `now` is of. */
  at: number;
  /** How often it has been told. */
  times: number;
}

/** Among the first so many every step forward is news; further back a tenth of the way is. */
const NEAR = 10;
const PART_OF_THE_WAY = 0.1;

/** An estimate has changed when it is off by more than this part of what was told, and more seconds than this. */
const ETA_PART = 0.2;
const ETA_SECONDS = 5;

/** At most one event a second of a task; each puts off the next by so much more, so that the 200 that a log takes last for days. */
const FIRST_PAUSE_MS = 1000;
const PAUSE_GROWTH = 1.05;

/** Whether a change is worth an event: another reason, a step forward, or another estimate than a clock that ran down from the last one shows. */
export function isWorthTelling({ position, etaSeconds, step }: Standing, told: Told | undefined, now: number): boolean {
  if (told === undefined) return true;
  if (now - told.at < FIRST_PAUSE_MS * PAUSE_GROWTH ** (told.times - 1)) return false;
  if (step !== told.step) return true;
  if (position < told.position && (position <= NEAR || told.position - position >= PART_OF_THE_WAY * told.position)) return true;
  if (etaSeconds === undefined || told.etaSeconds === undefined) return etaSeconds !== told.etaSeconds;
  const shown = Math.max(0, told.etaSeconds - (now - told.at) / 1000);
  const off = Math.abs(etaSeconds - shown);
  return off > ETA_SECONDS && off > ETA_PART * shown;
}
