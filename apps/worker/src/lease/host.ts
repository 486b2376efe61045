/**
 * The machine that this worker runs tasks on, and the book of what is leased of it.
 *
 * Owns what the book says there is: cores and memory as the engine tells, devices as the inventory does. Must stay true:
 * a device that is lost or sick is declared with nothing, so that nothing new is leased of it while its leases drain.
 */
import { Inject, Injectable } from '@nestjs/common';
import { hostname } from 'node:os';
import { LeaseBook } from '@function-runner/lease-book';
import { CPU, gpuResource, MEMORY } from '@function-runner/scheduling';
import type { DeviceFacts } from '@function-runner/task-store';
import { WORKER_CONFIG, type WorkerConfig } from '../config/worker-config.js';
import { CONTAINER_ENGINE, type ContainerEngine, type Machine } from '../container/container-engine.port.js';
import { DeviceInventory } from '../inventory/device-inventory.js';
import { LOGGER, type Logger } from '../logging/logger.js';
import { RedisConnections } from '../progress/redis-connections.js';

/** A lease outlives the last sign of its holder this long: as long as a job's lock does. */
export const LEASE_TTL_MS = 5000;

/** The book forgets a host that is not declared for a week; a worker that is idle for that long is still there. */
const DECLARE_AGAIN_MS = 3_600_000;

/** Part of the host's memory that containers may hold together; the rest is the system's, the engine's and ours. */
const LEASABLE_MEMORY = 0.9;

/** What the null engine, which runs nothing, has of everything: more than can be asked for, and exact in any arithmetic. */
const PLENTY = 2 ** 50;

@Injectable()
export class Host {
  private opened: { machine: Machine; book: LeaseBook } | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(WORKER_CONFIG) private readonly config: WorkerConfig,
    @Inject(CONTAINER_ENGINE) private readonly engine: ContainerEngine,
    private readonly inventory: DeviceInventory,
    private readonly redis: RedisConnections,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    // Before the connection's first command, while the book itself is met only once the engine has answered.
    LeaseBook.teach(redis.queue);
  }

  /** Finds out what there is and writes it into the book. @throws when the engine or Redis cannot be reached */
  async open(): Promise<void> {
    const machine = await this.machine();
    if (this.opened === undefined) {
      const book = new LeaseBook(this.redis.queue, this.config.hostId ?? machine.id, { ttlMs: LEASE_TTL_MS });
      this.opened = { machine, book };
      this.inventory.onChange(() => void this.declareAgain());
      this.timer = setInterval(() => void this.declareAgain(), DECLARE_AGAIN_MS).unref();
      await this.inventory.start(async (deviceId) => (await book.read()).leased[gpuResource(deviceId)] ?? 0);
    }
    await this.declare();
  }

  close(): void {
    clearInterval(this.timer);
    this.inventory.stop();
  }

  get id(): string {
    return this.book.hostId;
  }

  get name(): string {
    return this.facts.machine.name;
  }

  get book(): LeaseBook {
    return this.facts.book;
  }

  get cpuMillis(): number {
    if (this.runsNothing) return PLENTY;
    return Math.round((this.config.hostCpus ?? this.facts.machine.cores * this.config.cpuOvercommit) * 1000);
  }

  get memoryBytes(): number {
    if (this.runsNothing) return PLENTY;
    return this.config.hostMemoryBytes ?? Math.floor(this.facts.machine.memoryBytes * LEASABLE_MEMORY);
  }

  /** Cores that a container can be given: no engine gives more than there are. */
  get cores(): number {
    return this.facts.machine.cores;
  }

  get devices(): readonly DeviceFacts[] {
    // Without devices of its own the null engine could measure no tier that needs one.
    if (this.runsNothing && this.inventory.source !== 'declared') return [{ id: 'null', name: 'null engine', totalBytes: PLENTY, health: 'ok' }];
    return this.inventory.devices.map(({ id, name, totalBytes, health }) => ({ id, name, totalBytes, health }));
  }

  /** Whether containers can be given the devices, or they exist in the book only. */
  get devicesAreReal(): boolean {
    return this.inventory.source === 'auto' && !this.runsNothing;
  }

  private async declareAgain(): Promise<void> {
    try {
      await this.declare();
    } catch (error) {
      this.logger.error({ err: error }, 'the book could not be told what the host has; it is told with the next change');
    }
  }

  private async declare(): Promise<void> {
    const devices = this.devices.map(({ id, totalBytes }): [string, number] => [gpuResource(id), totalBytes]);
    await this.book.declare({ [CPU]: this.cpuMillis, [MEMORY]: this.memoryBytes, ...(Object.fromEntries(devices) as Record<string, number>) });
  }

  private async machine(): Promise<Machine> {
    return this.runsNothing ? { id: hostname(), name: hostname(), cores: 1, memoryBytes: 0 } : this.engine.machine();
  }

  private get runsNothing(): boolean {
    return this.config.containerEngine === 'null';
  }

  private get facts(): { machine: Machine; book: LeaseBook } {
    if (this.opened === undefined) throw new Error('the host is not open yet');
    return this.opened;
  }
}
