import type { Redis } from 'ioredis';
import { LeaseBook, type Amounts } from '@function-runner/lease-book';
import { CPU, gpuResource, MEMORY } from '@function-runner/scheduling';
import { WORKER_BEAT_MS, WorkerRegistry, type WorkerFacts } from '@function-runner/task-store';
import { workerFacts } from './worker-facts.fixture.js';

/** A host with one worker that says that it lives, and takes nothing. */
export class AnnouncedHost {
  private beat: NodeJS.Timeout | undefined;
  private announced = Promise.resolve();
  private readonly registry: WorkerRegistry;
  readonly book: LeaseBook;

  private constructor(
    redis: Redis,
    readonly facts: WorkerFacts,
  ) {
    this.registry = new WorkerRegistry(redis);
    this.book = new LeaseBook(redis, facts.hostId, { ttlMs: 600_000 });
  }

  /** Comes with devices of so many GiB each; its book says the same. */
  static async come(redis: Redis, hostId: string, gib: readonly number[]): Promise<AnnouncedHost> {
    const host = new AnnouncedHost(redis, workerFacts(`worker-of-${hostId}`, { hostId, gib }));
    await host.declare();
    await host.return();
    return host;
  }

  async return(): Promise<void> {
    clearInterval(this.beat);
    this.beat = setInterval(() => this.announce(), WORKER_BEAT_MS);
    this.announce();
    await this.announced;
  }

  /** Its worker goes, and says so. */
  async leave(): Promise<void> {
    clearInterval(this.beat);
    await this.announced;
    await this.registry.leave(this.facts.workerId);
  }

  /** Something of it is leased for somebody's task. */
  async lease(id: string, amounts: Amounts): Promise<void> {
    const [outcome] = await this.book.acquire([{ id, holder: this.facts.workerId, purpose: 'task', taskId: id, pipelineId: 'p:1', amounts }]);
    if (outcome?.kind !== 'granted') throw new Error(`the lease was not granted: ${JSON.stringify(outcome)}`);
  }

  private announce(): void {
    this.announced = this.announced.then(() => this.registry.announce(this.facts));
  }

  private async declare(): Promise<void> {
    const { cpuMillis, memoryBytes, devices } = this.facts;
    await this.book.declare({ [CPU]: cpuMillis, [MEMORY]: memoryBytes, ...Object.fromEntries(devices.map(({ id, totalBytes }) => [gpuResource(id), totalBytes])) });
  }
}
