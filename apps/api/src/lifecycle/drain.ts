import { TaskError } from '@function-runner/task-contract';

/**
 * Knows whether this process takes requests, and how many are under way.
 *
 * Every request enters here; once {@link begin} was called none does. Streams and sockets are no requests.
 */
export class Drain {
  private inFlight = 0;
  private begun = false;
  private readonly waiters: (() => void)[] = [];

  get isDraining(): boolean {
    return this.begun;
  }

  /** Runs a request. @throws TaskError SHUTTING_DOWN, or what the request throws */
  async run<T>(request: () => Promise<T>): Promise<T> {
    if (this.begun) throw new TaskError('SHUTTING_DOWN', 'this api process is shutting down; connect again and repeat the request');
    this.inFlight += 1;
    try {
      return await request();
    } finally {
      this.inFlight -= 1;
      if (this.inFlight === 0) for (const wake of this.waiters.splice(0)) wake();
    }
  }

  /** From here on requests are refused and the process is not ready. */
  begin(): void {
    this.begun = true;
  }

  /** Resolves when no request is under way. */
  async idle(): Promise<void> {
    if (this.inFlight > 0) await new Promise<void>((resolve) => this.waiters.push(resolve));
  }
}
