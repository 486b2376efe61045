import type { GpuReading, ReadGpu, SickGpu } from './gpu-reading.js';
import type { InventoryDevice } from './inventory-device.js';

/** What is known of the GPUs after some readings. */
export interface KnownDevices {
  devices: readonly InventoryDevice[];
  /** Readings in a row that failed. */
  failures: number;
}

export interface ReconcileTerms {
  /** Memory that tasks of ours hold on a device, bytes. */
  leasedBytes: (deviceId: string) => number;
  /** Memory of every device that is never leased, bytes. */
  headroomBytes: number;
}

const MIB = 1024 ** 2;

/** Failed readings in a row that change nothing: a driver that is being asked too much at a time recovers within seconds. */
const TOLERATED_FAILURES = 2;

/**
 * Memory in use that is nobody's: what the driver keeps for itself (some hundred MiB on a data-centre card; drivers
 * before 510 count it as used) and what an idle desktop takes. A task's `vram` is said of a card as it is sold, so
 * this much was in use where it was measured, too. Our own choice, not a figure of NVIDIA's.
 */
const BASELINE_BYTES = 1024 * MIB;

/** Smallest change of foreign memory that counts: a desktop's use moves by some MiB at every look. */
const STEP_BYTES = 256 * MIB;

/**
 * The devices after one more reading, or one that failed. Pure.
 *
 * A device that was leasable and is not listed any more stays, as `lost`, with nothing to lease; it is `ok` again
 * once it is listed again. A failed reading changes nothing at first; when the second after it fails too, every device
 * is sick. Memory of others is measured while nothing of ours is on a device, since nobody can tell the two apart.
 */
export function reconcileDevices(known: KnownDevices, seen: GpuReading | { failure: string }, terms: ReconcileTerms): KnownDevices {
  if ('failure' in seen) {
    const failures = known.failures + 1;
    return { devices: failures > TOLERATED_FAILURES ? known.devices.map((device) => (device.health === 'lost' ? device : unusable(device, 'sick', seen.failure))) : known.devices, failures };
  }
  const before = new Map(known.devices.map((device) => [device.id, device]));
  const listed = [
    ...seen.devices.map((read) => ({ index: read.index, device: leasable(read, before.get(read.uuid), terms) })),
    ...seen.sick.map((read) => ({ index: read.index, device: sick(read, before) })),
  ].sort((a, b) => a.index - b.index).map(({ device }) => device);
  const ids = new Set(listed.map(({ id }) => id));
  // What never was leasable leaves no lease behind, so nobody needs to know that it is gone.
  const gone = known.devices.filter(({ id, sizeBytes }) => !ids.has(id) && sizeBytes > 0);
  return { devices: [...listed, ...gone.map((device) => unusable(device, 'lost', 'nvidia-smi does not list it any more'))], failures: 0 };
}

function leasable({ uuid, name, sizeBytes, usedBytes, utilization }: ReadGpu, before: InventoryDevice | undefined, { leasedBytes, headroomBytes }: ReconcileTerms): InventoryDevice {
  const last = before?.foreignBytes ?? 0;
  const foreignBytes = usedBytes === undefined || leasedBytes(uuid) > 0 ? last : measured(usedBytes, last);
  return {
    id: uuid, name, sizeBytes, foreignBytes, totalBytes: Math.max(0, sizeBytes - foreignBytes - headroomBytes), health: 'ok', real: true,
    ...(usedBytes === undefined ? {} : { usedBytes }),
    ...(utilization === undefined ? {} : { utilization }),
  };
}

/** Foreign memory as it is now, or as it was last where it has hardly changed. */
function measured(usedBytes: number, last: number): number {
  const now = Math.max(0, usedBytes - BASELINE_BYTES);
  if (now < STEP_BYTES / 2) return 0;
  return Math.abs(now - last) < STEP_BYTES ? last : now;
}

function sick({ uuid, index, name, why }: SickGpu, before: ReadonlyMap<string, InventoryDevice>): InventoryDevice {
  const id = uuid ?? `index-${index}`;
  return unusable(before.get(id) ?? { id, name, sizeBytes: 0, foreignBytes: 0, totalBytes: 0, health: 'sick', real: true }, 'sick', why);
}

function unusable({ id, name, sizeBytes, foreignBytes, real }: InventoryDevice, health: 'lost' | 'sick', why: string): InventoryDevice {
  return { id, name, sizeBytes, foreignBytes, totalBytes: 0, health, why, real };
}
