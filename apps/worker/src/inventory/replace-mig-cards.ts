import type { GpuReading, ReadGpu, SickGpu } from './gpu-reading.js';
import type { MigInstance } from './parse-nvidia-smi-list.js';

/**
 * The reading with each card in MIG mode replaced by its instances: such a card takes no work itself, and one that has
 * no instances takes none at all. Pure. What is in use of an instance, nobody tells.
 */
export function replaceMigCards({ devices, sick }: GpuReading, migCards: ReadonlySet<string>, instances: ReadonlyMap<string, readonly MigInstance[]>): GpuReading {
  const without: SickGpu[] = [];
  const usable = devices.flatMap((card): ReadGpu[] => {
    if (!migCards.has(card.uuid)) return [card];
    const parts = instances.get(card.uuid) ?? [];
    if (parts.length === 0) without.push({ index: card.index, uuid: card.uuid, name: card.name, why: 'MIG mode is on and it has no instances; make some with nvidia-smi mig -cgi … -C, or switch MIG mode off' });
    return parts.map(({ uuid, profile, sizeBytes }) => ({ index: card.index, uuid, name: `${card.name} MIG ${profile}`, sizeBytes, usedBytes: undefined, utilization: undefined }));
  });
  return { devices: usable, sick: [...sick, ...without] };
}
