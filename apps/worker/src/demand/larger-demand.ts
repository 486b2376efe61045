import type { ResourceDemand } from '@function-runner/task-contract';

const GIB = 1024 ** 3;

/** What failed for want of main memory is likely to be far off (an input four times as large): a small step would fail again. */
const MEMORY_FACTOR = 2;

/** A model's weights, most of what it holds of a device, are known; what varies is the rest. And devices are scarce. */
const VRAM_FACTOR = 1.5;

/** Less than a tenth more is not worth another attempt. */
const LEAST_FACTOR = 1.1;

/** The most that one host has of main memory, and one device of its own. */
export interface LargestResources {
  memoryBytes: number;
  deviceBytes: number;
}

/**
 * What a task should hold that ran out of memory with this demand: more of its devices' memory where it has any, else more
 * of its host's, at most as much as there is. Undefined where there is nothing larger: another attempt would end the same.
 * That several such devices are on one host, or are free, is not looked at.
 */
export function largerDemand(demand: ResourceDemand, largest: LargestResources): ResourceDemand | undefined {
  const { gpus, vramBytes, memoryBytes } = demand;
  if (gpus > 0) {
    const more = Math.min(Math.ceil((vramBytes * VRAM_FACTOR) / GIB) * GIB, largest.deviceBytes);
    return isWorthwhile(vramBytes, more) ? { ...demand, vramBytes: more } : undefined;
  }
  const more = Math.min(memoryBytes * MEMORY_FACTOR, largest.memoryBytes);
  return isWorthwhile(memoryBytes, more) ? { ...demand, memoryBytes: more } : undefined;
}

function isWorthwhile(before: number, after: number): boolean {
  return after > before && after >= before * LEAST_FACTOR;
}
