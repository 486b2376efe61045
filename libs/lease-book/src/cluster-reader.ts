/**
 * Reads every host of the cluster: who they are from the registry of workers, what is free from their books. Keeps nothing
 * but a book for each host it has met.
 */
import type { Redis } from 'ioredis';
import type { HostState } from '@function-runner/scheduling';
import type { HostFacts, WorkerRegistry } from '@function-runner/task-store';
import { hostStateOf } from './host-state-of.js';
import { LeaseBook } from './lease-book.js';

/** A reader takes no lease. */
const NO_TTL_MS = 1;

export class ClusterReader {
  private readonly books = new Map<string, LeaseBook>();

  constructor(
    private readonly redis: Redis,
    private readonly registry: Pick<WorkerRegistry, 'hosts'>,
  ) {
    LeaseBook.teach(redis);
  }

  /** Hosts of which at least one worker takes tasks, without those named. */
  async live(except: readonly string[] = []): Promise<HostState[]> {
    const hosts = (await this.registry.hosts()).filter(({ alive, hostId }) => alive && !except.includes(hostId));
    return Promise.all(hosts.map((host) => this.read(host)));
  }

  /** One host as its book has it. */
  async read(host: HostFacts): Promise<HostState> {
    return hostStateOf(host, await this.bookOf(host.hostId).read());
  }

  private bookOf(hostId: string): LeaseBook {
    let book = this.books.get(hostId);
    if (book === undefined) {
      book = new LeaseBook(this.redis, hostId, { ttlMs: NO_TTL_MS });
      this.books.set(hostId, book);
    }
    return book;
  }
}
