/**
 * The GPUs of this host: declared, none, or what nvidia-smi lists, looked at again and again.
 *
 * Owns the list of devices, which only a reading changes. Must stay true: a device that has been leasable never leaves
 * the list, so that whoever keeps the leases learns of its end; memory of others is measured only where nothing of ours
 * was leased before the reading nor after it, and until {@link start} nobody has said what is leased.
 */
import { Inject, Injectable } from '@nestjs/common';
import { WORKER_CONFIG, type WorkerConfig } from '../config/worker-config.js';
import { LOGGER, type Logger } from '../logging/logger.js';
import type { InventoryDevice } from './inventory-device.js';
import { NvidiaSmi } from './nvidia-smi.adapter.js';
import { reconcileDevices, type KnownDevices } from './reconcile-devices.js';

/** Memory that tasks of ours hold on a device, all workers of the host together, bytes. */
export type LeasedBytes = (deviceId: string) => number | Promise<number>;

type InventoryConfig = Pick<WorkerConfig, 'gpuInventory' | 'nvidiaSmi' | 'gpuPollMs' | 'vramHeadroomBytes'>;

/** An interval of nothing would keep a core busy with nvidia-smi. */
const SHORTEST_INTERVAL_MS = 100;

const GIB = 1024 ** 3;

@Injectable()
export class DeviceInventory {
  private readonly program: NvidiaSmi;
  private readonly listeners = new Set<(devices: readonly InventoryDevice[]) => void>();
  private readonly readingListeners = new Set<(devices: readonly InventoryDevice[]) => void>();
  private known: KnownDevices;
  private leasedBytes: LeasedBytes = () => Number.POSITIVE_INFINITY;
  private lastFailure: string | undefined;
  private programFound = true;
  private looking: Promise<void> | undefined;
  private started = false;
  private hasRead = false;
  private stopped = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(WORKER_CONFIG) private readonly config: InventoryConfig,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.program = new NvidiaSmi(config.nvidiaSmi);
    this.known = { devices: declaredDevices(config), failures: 0 };
  }

  get source(): 'auto' | 'none' | 'declared' {
    return this.config.gpuInventory.source;
  }

  get devices(): readonly InventoryDevice[] {
    return this.known.devices;
  }

  /** What the last reading failed with; undefined when it did not. */
  get failure(): string | undefined {
    return this.lastFailure;
  }

  /** Whether nvidia-smi was there at the last reading. */
  get installed(): boolean {
    return this.programFound;
  }

  /** Calls `listener` whenever a device comes, changes in name, health or what can be leased of it. Gives back what ends that. */
  onChange(listener: (devices: readonly InventoryDevice[]) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Calls `listener` after every reading. */
  onReading(listener: (devices: readonly InventoryDevice[]) => void): void {
    this.readingListeners.add(listener);
  }

  /** Resolves after a first reading, which may have failed; from then on there is one in every interval. */
  async start(leasedBytes: LeasedBytes): Promise<void> {
    this.leasedBytes = leasedBytes;
    this.started = true;
    if (this.source !== 'auto') return;
    // A reading under way began without knowing what is leased.
    await this.looking;
    await this.look();
    this.schedule();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  /** Resolves when there is something to tell: at once while readings go on, else after one. */
  async looked(): Promise<void> {
    if (this.source === 'auto' && !(this.started && this.hasRead)) await this.look();
  }

  private schedule(): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => void this.look().finally(() => this.schedule()), Math.max(SHORTEST_INTERVAL_MS, this.config.gpuPollMs));
  }

  /** One reading at a time: who asks during one gets that. */
  private look(): Promise<void> {
    this.looking ??= this.read().finally(() => (this.looking = undefined));
    return this.looking;
  }

  private async read(): Promise<void> {
    const before = await this.leases(this.known.devices.map(({ id }) => id));
    const seen = await this.ask();
    const after = await this.leases('failure' in seen ? [] : seen.devices.map(({ uuid }) => uuid));
    const previous = this.known;
    this.known = reconcileDevices(previous, seen, {
      leasedBytes: (id) => Math.max(before.get(id) ?? 0, after.get(id) ?? 0),
      headroomBytes: this.config.vramHeadroomBytes,
    });
    this.hasRead = true;
    for (const listener of this.readingListeners) listener(this.devices);
    this.tell(previous.devices);
  }

  private async ask(): Promise<Parameters<typeof reconcileDevices>[1]> {
    try {
      const reading = await this.program.read();
      if (this.lastFailure !== undefined) this.logger.info('nvidia-smi answers again');
      this.lastFailure = undefined;
      this.programFound = reading !== undefined;
      return reading ?? { devices: [], sick: [] };
    } catch (error) {
      const failure = error instanceof Error ? error.message : String(error);
      if (failure !== this.lastFailure) this.logger.error({ err: error }, 'the GPUs cannot be looked at; they are kept as they were for two more looks');
      this.lastFailure = failure;
      return { failure };
    }
  }

  /** What is leased of these devices. Where nobody can say, all of it: then nothing is measured. */
  private async leases(ids: readonly string[]): Promise<Map<string, number>> {
    return new Map(await Promise.all(ids.map(async (id): Promise<[string, number]> => {
      try {
        return [id, await this.leasedBytes(id)];
      } catch (error) {
        this.logger.debug({ err: error, device: id }, 'what is leased of a GPU is not known; its foreign memory is taken to be as before');
        return [id, Number.POSITIVE_INFINITY];
      }
    })));
  }

  private tell(previous: readonly InventoryDevice[]): void {
    const before = new Map(previous.map((device) => [device.id, device]));
    const changed = this.devices.filter((device) => !isSame(device, before.get(device.id)));
    for (const { id, name, health, why, totalBytes, foreignBytes } of changed) {
      const facts = { device: id, name, health, totalBytes, foreignBytes };
      if (health === 'ok') this.logger.info(facts, before.get(id)?.health === 'ok' ? 'what can be leased of a GPU has changed' : 'a GPU can be used');
      else this.logger.warn({ ...facts, why }, `a GPU is ${health}; nothing more is leased of it`);
    }
    if (changed.length === 0 && this.devices.length === previous.length) return;
    for (const listener of this.listeners) {
      try {
        listener(this.devices);
      } catch (error) {
        // The next reading must come whatever becomes of this one.
        this.logger.error({ err: error }, 'somebody could not be told of changed GPUs');
      }
    }
  }
}

function declaredDevices({ gpuInventory, vramHeadroomBytes }: InventoryConfig): InventoryDevice[] {
  if (gpuInventory.source !== 'declared') return [];
  return gpuInventory.devices.map(({ uuid, name, vram_gib }) => {
    const sizeBytes = Math.floor(vram_gib * GIB);
    return { id: uuid, name, sizeBytes, foreignBytes: 0, totalBytes: Math.max(0, sizeBytes - vramHeadroomBytes), health: 'ok', real: false };
  });
}

/** Whether two states of a device are the same to whoever leases it. */
function isSame(device: InventoryDevice, before: InventoryDevice | undefined): boolean {
  return device.name === before?.name && device.health === before.health && device.totalBytes === before.totalBytes;
}
