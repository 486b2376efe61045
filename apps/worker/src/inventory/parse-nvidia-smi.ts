import type { GpuReading, ReadGpu, SickGpu } from './gpu-reading.js';

/** What {@link parseNvidiaSmi} reads, in this order. */
export const NVIDIA_SMI_QUERY = ['--query-gpu=index,uuid,name,memory.total,memory.used,utilization.gpu', '--format=csv,noheader,nounits'] as const;

const MIB = 1024 ** 2;

/** A line about a device; whatever else is printed, such as a warning about an infoROM, is about none. */
const DEVICE_LINE = /^\s*(\d+), (.+)$/;
const FIELDS_AFTER_INDEX = 5;

const UUID = /^GPU-[A-Za-z0-9-]+$/;

/** The driver's words for a device that answers and does not work; they can stand in any field while the others look well. */
const BROKEN = /^(?:ERR!|\[GPU requires reset\]|\[GPU is lost\])$/;

/** What a healthy device may say of its memory in use: the driver does not know, or does not tell just anybody. */
const UNTOLD = /^\[(?:N\/A|Not Supported|Insufficient Permissions)\]$/;

/**
 * Reads what nvidia-smi answers to {@link NVIDIA_SMI_QUERY}: one line a device, memory in MiB. Pure. A device of which
 * the memory is not known, or that the driver calls broken, is sick; lines about no device are passed over.
 */
export function parseNvidiaSmi(output: string): GpuReading {
  const devices: ReadGpu[] = [];
  const sick: SickGpu[] = [];
  for (const line of output.split('\n')) {
    const [, index, rest] = DEVICE_LINE.exec(line.trimEnd()) ?? [];
    const fields = rest?.split(', ') ?? [];
    if (fields.length < FIELDS_AFTER_INDEX) continue;
    const [uuid = ''] = fields;
    // The name is the one text that is anybody's: whatever stands between, commas too, is of it.
    const name = fields.slice(1, -3).join(', ');
    const [total = '', used = '', busy = ''] = fields.slice(-3);
    const told = { index: Number(index), name };
    const why = complaint({ total, used, busy });
    if (!UUID.test(uuid)) sick.push({ ...told, uuid: undefined, why: `its uuid reads ${uuid}` });
    else if (why !== undefined) sick.push({ ...told, uuid, why });
    else devices.push({ ...told, uuid, sizeBytes: nominalMib(Number(total)) * MIB, usedBytes: isNumber(used) ? Number(used) * MIB : undefined, utilization: isNumber(busy) ? Number(busy) : undefined });
  }
  return { devices, sick };
}

/** What is wrong with a device; undefined for a healthy one. */
function complaint({ total, used, busy }: { total: string; used: string; busy: string }): string | undefined {
  if (!isNumber(total) || Number(total) === 0) return `its memory.total reads ${total}`;
  if (!isNumber(used) && !UNTOLD.test(used)) return `its memory.used reads ${used}`;
  return BROKEN.test(busy) ? `its utilization.gpu reads ${busy}` : undefined;
}

function isNumber(text: string): boolean {
  return /^\d+$/.test(text);
}

/**
 * The size that people know a card by. An RTX 4090 tells 24564 MiB, since its driver keeps 12 to itself, and a task
 * that asks for 24 GiB was measured on just such a card: what lacks at most 64 MiB of whole GiB counts as those. A
 * card that gives more away (ECC on a T4 takes a sixteenth, an H100 has 79.6 GiB) is as small as it says.
 */
function nominalMib(told: number): number {
  const whole = Math.ceil(told / 1024) * 1024;
  return whole - told <= 64 ? whole : told;
}
