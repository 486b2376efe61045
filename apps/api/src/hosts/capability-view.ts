/**
 * Answers at the door whether a task has a future, without a trip to Redis where a host that lives could run it.
 *
 * Owns a copy of what is known of the hosts, read again every second. Must stay true: nothing but that a host could run a
 * task is concluded from a copy that was read before the question.
 */
import { Logger } from '@nestjs/common';
import type { ResourceDemand } from '@function-runner/scheduling';
import type { HostFacts, WorkerRegistry } from '@function-runner/task-store';
import { judgeCapability, type Capability } from './judge-capability.js';

/** How old the copy may be, milliseconds. An old one lets a task in that then waits, and is told why; no more depends on it. */
const LOOK_EVERY_MS = 1000;

export class CapabilityView {
  private readonly logger = new Logger('Hosts');
  private hosts: readonly HostFacts[] | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** The read under way, and the one that follows it. */
  private reading: Promise<readonly HostFacts[]> | undefined;
  private next: Promise<readonly HostFacts[]> | undefined;
  private closed = false;

  constructor(
    private readonly registry: Pick<WorkerRegistry, 'hosts'>,
    private readonly options: { /** How long a host that is away is waited for, milliseconds. */ waitMs: number },
  ) {}

  /** Reads, and goes on reading until {@link close}. Never throws: without Redis the old copy stays. */
  async open(): Promise<void> {
    try {
      await this.readAnew();
    } catch (error) {
      // The connection says by itself that it is lost.
      this.logger.debug(`the hosts cannot be read: ${String(error)}`);
    }
    if (!this.closed) this.timer = setTimeout(() => void this.open(), LOOK_EVERY_MS).unref();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }

  /** By the copy at hand where that says that some host could run it; else by what Redis says now. @throws what Redis answers */
  async judge(demand: ResourceDemand): Promise<Capability> {
    const capability = this.hosts === undefined ? undefined : this.judgeBy(demand, this.hosts);
    return capability?.kind === 'able' ? capability : this.judgeBy(demand, await this.readAnew());
  }

  private judgeBy(demand: ResourceDemand, hosts: readonly HostFacts[]): Capability {
    return judgeCapability(demand, hosts, Date.now(), this.options.waitMs);
  }

  /** A read that begins no earlier than this call; all that ask before it begins share it. */
  private readAnew(): Promise<readonly HostFacts[]> {
    if (this.reading === undefined) return this.read();
    this.next ??= this.reading.then(() => this.readNext(), () => this.readNext());
    return this.next;
  }

  private readNext(): Promise<readonly HostFacts[]> {
    this.next = undefined;
    return this.read();
  }

  private read(): Promise<readonly HostFacts[]> {
    const reading = this.registry.hosts().then(
      (hosts) => {
        this.reading = undefined;
        this.hosts = hosts;
        return hosts;
      },
      (error: unknown) => {
        this.reading = undefined;
        throw error;
      },
    );
    this.reading = reading;
    return reading;
  }
}
