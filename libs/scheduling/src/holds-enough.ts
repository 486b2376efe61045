import type { WarmContainer } from './cluster-state.js';
import type { ResourceDemand } from './resource-demand.js';
import { MEMORY, gpuResource } from './resource-id.js';

/**
 * Whether a warm container holds what a task wants. Those of its pipeline mostly do; a task that ran out of memory is tried
 * again with more than they have.
 */
export function holdsEnough({ devices, amounts }: Pick<WarmContainer, 'devices' | 'amounts'>, { gpus, vramBytes, splittable, memoryBytes }: ResourceDemand): boolean {
  if (gpus === 0) return (amounts[MEMORY] ?? 0) >= memoryBytes;
  const held = devices.map((device) => amounts[gpuResource(device)] ?? 0);
  if (splittable && held.length > 1) return held.reduce((sum, bytes) => sum + bytes, 0) >= vramBytes;
  return held.filter((bytes) => bytes >= vramBytes).length >= gpus;
}
