/**
 * Measures what tasks use of their devices' memory, from the inventory's readings.
 *
 * Owns the measurements under way. What a driver tells is of a whole device, so only who has it for itself alone can be
 * told what it uses, less what programs of others hold; a run between two readings is not measured.
 */
import { Inject, Injectable } from '@nestjs/common';
import { gpuResource } from '@function-runner/scheduling';
import { DeviceInventory } from '../inventory/device-inventory.js';
import type { InventoryDevice } from '../inventory/inventory-device.js';
import type { HeldLease } from '../lease/held-lease.js';
import { LeaseKeeper } from '../lease/lease-keeper.js';

interface Measurement {
  lease: HeldLease;
  peakBytes: number | undefined;
}

@Injectable()
export class VramGauge {
  private readonly measurements = new Set<Measurement>();

  constructor(
    @Inject(DeviceInventory) inventory: Pick<DeviceInventory, 'onReading'>,
    @Inject(LeaseKeeper) private readonly leases: Pick<LeaseKeeper, 'leasedOf'>,
  ) {
    inventory.onReading((devices) => this.take(devices));
  }

  /** Measures from now on; `end` gives the most that any of its devices was seen to hold, bytes. */
  measure(lease: HeldLease): { end: () => number | undefined } {
    if (lease.devices.length === 0) return { end: () => undefined };
    const measurement: Measurement = { lease, peakBytes: undefined };
    this.measurements.add(measurement);
    return {
      end: () => {
        this.measurements.delete(measurement);
        return measurement.peakBytes;
      },
    };
  }

  private take(devices: readonly InventoryDevice[]): void {
    for (const measurement of this.measurements) {
      for (const { id, real, usedBytes, foreignBytes } of devices) {
        const resource = gpuResource(id);
        const own = measurement.lease.amounts[resource];
        if (!real || usedBytes === undefined || own === undefined || own !== this.leases.leasedOf(resource)) continue;
        measurement.peakBytes = Math.max(measurement.peakBytes ?? 0, usedBytes - foreignBytes);
      }
    }
  }
}
