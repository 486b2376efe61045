import type { DeviceInventory } from '../inventory/device-inventory.js';

/**
 * Whether the GPUs that are wanted are there, as the inventory last saw them: `auto` is content without nvidia-smi. One
 * sick device among healthy ones is told and stops nobody.
 * @throws Error saying what nvidia-smi said when it failed, or what is wrong when no device can be used
 */
export function checkGpus({ source, devices, failure, installed }: Pick<DeviceInventory, 'source' | 'devices' | 'failure' | 'installed'>): string {
  if (source === 'none') return 'none wanted';
  if (source === 'declared') return `${devices.length} declared`;
  if (failure !== undefined) throw new Error(failure);
  if (devices.length === 0) return installed ? '0 found' : 'no nvidia-smi on this machine';
  const unusable = devices.filter(({ health }) => health !== 'ok');
  if (unusable.length === 0) return `${devices.length} found`;
  const told = `${unusable.length} of ${devices.length} devices cannot be used: ${unusable.map(({ id, health, why = 'no reason known' }) => `${id} is ${health} (${why})`).join('; ')}`;
  if (unusable.length === devices.length) throw new Error(told);
  return told;
}
