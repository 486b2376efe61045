/**
 * Knows how far the end of this process has come, and how many requests are under way.
 *
 * Every request enters here. While the process is open, and in its last call, each is served; in the last call the process
 * is not ready any more, so that whoever spreads requests sends them elsewhere before any is refused. Streams and sockets
 * are no requests. It never goes back.
 */
import { TaskError } from '@function-runner/task-contract';

export class Drain {
  private inFlight = 0;
  private stage: 'open' | 'last call' | 'closed' = 'open';
  private readonly waiters: (() => void)[] = [];

  /** Whether this process is about to end, and nothing new should come to it. */
  get isDraining(): boolean {
    return this.stage !== 'open';
  }

  /** Runs a request. @throws TaskError SHUTTING_DOWN, or what the request throws */
  async run<T>(request: () => Promise<T>): Promise<T> {
    if (this.stage === 'closed') throw new TaskError('SHUTTING_DOWN', 'this api process is shutting down; connect again and repeat the request');
    this.inFlight += 1;
    try {
      return await request();
    } finally {
      this.inFlight -= 1;
      if (this.inFlight === 0) for (const wake of this.waiters.splice(0)) wake();
    }
  }

  /** From here on the process is not ready; what comes all the same is served. */
  lastCall(): void {
    if (this.stage === 'open') this.stage = 'last call';
  }

  /** From here on requests are refused. */
  close(): void {
    this.stage = 'closed';
  }

  /** Resolves when no request is under way. */
  async idle(): Promise<void> {
    while (this.inFlight > 0) await new Promise<void>((resolve) => this.waiters.push(resolve));
  }
}
