/**
 * What the main thread and the watchdog's thread tell each other, in memory that both see: the only thing that a loop
 * which is blocked can still be asked by. Each cell is written by one side alone.
 */
export class LoopSigns {
  /** Counts the beats of the main loop. */
  private static readonly BEATS = 0;
  /** Counts how often the loop was found blocked. */
  private static readonly TRIPS = 1;
  /** Counts the containers that were killed because of it. */
  private static readonly KILLED = 2;
  private static readonly CELLS = 3;
  private readonly cells: Int32Array;

  constructor(readonly memory: SharedArrayBuffer = new SharedArrayBuffer(LoopSigns.CELLS * Int32Array.BYTES_PER_ELEMENT)) {
    this.cells = new Int32Array(memory);
  }

  /** The loop turns; whoever waits for it wakes up. */
  beat(): void {
    Atomics.add(this.cells, LoopSigns.BEATS, 1);
    Atomics.notify(this.cells, LoopSigns.BEATS);
  }

  get beats(): number {
    return Atomics.load(this.cells, LoopSigns.BEATS);
  }

  /** Blocks the calling thread until the count of beats is another one, for so many milliseconds at most. @returns whether it is another one */
  waitForBeat(since: number, milliseconds: number): boolean {
    return Atomics.wait(this.cells, LoopSigns.BEATS, since, milliseconds) !== 'timed-out';
  }

  trip(): void {
    Atomics.add(this.cells, LoopSigns.TRIPS, 1);
  }

  get trips(): number {
    return Atomics.load(this.cells, LoopSigns.TRIPS);
  }

  countKilled(containers: number): void {
    Atomics.add(this.cells, LoopSigns.KILLED, containers);
  }

  get killed(): number {
    return Atomics.load(this.cells, LoopSigns.KILLED);
  }
}
