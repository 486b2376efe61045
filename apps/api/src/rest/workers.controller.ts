import { Controller, Get } from '@nestjs/common';
import { ClusterReader } from '@function-runner/lease-book';
import { WorkerRegistry, type DeviceFacts, type HostFacts, type WorkerFacts } from '@function-runner/task-store';
import { toTaskError } from '../redis/redis-fault.js';

/** How much of something there is, and how much of it tasks and warm containers hold. */
export interface LeasedAmount {
  total: number;
  leased: number;
}

/** A machine, with what of it is in use. */
export interface HostEntry {
  hostId: string;
  name: string;
  /** Whether a worker on it takes tasks; one that is away is listed for a day. */
  alive: boolean;
  devices: (DeviceFacts & { leasedBytes: number })[];
  /** Thousandths of a core. */
  cpu: LeasedAmount;
  /** Bytes. */
  memory: LeasedAmount;
  /** Containers that wait with their model loaded. */
  warm: number;
}

/** The workers that live now, each as it described itself a moment ago, and the machines that they run on. */
@Controller('v1/workers')
export class WorkersController {
  constructor(
    private readonly registry: WorkerRegistry,
    private readonly cluster: ClusterReader,
  ) {}

  @Get()
  async list(): Promise<{ workers: WorkerFacts[]; hosts: HostEntry[] }> {
    try {
      const [workers, hosts] = await Promise.all([this.registry.list(), this.registry.hosts()]);
      return { workers, hosts: await Promise.all(hosts.map((host) => this.describe(host))) };
    } catch (error) {
      throw toTaskError(error, 'INTERNAL');
    }
  }

  /** What a host has by its workers' word, and what is leased of it by its book. */
  private async describe(host: HostFacts): Promise<HostEntry> {
    const { devices, cpu, memory, warm } = await this.cluster.read(host);
    const leased = new Map(devices.map((device) => [device.id, device.leased]));
    return {
      hostId: host.hostId, name: host.name, alive: host.alive,
      devices: host.devices.map((device) => ({ ...device, leasedBytes: leased.get(device.id) ?? 0 })),
      cpu: { total: host.cpuMillis, leased: cpu.leased },
      memory: { total: host.memoryBytes, leased: memory.leased },
      warm: warm.length,
    };
  }
}
