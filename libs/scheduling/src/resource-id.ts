/** Names of what can be leased on a host: `cpu` (thousandths of a core), `memory` (bytes), and each device's memory (bytes). */
export const CPU = 'cpu';
export const MEMORY = 'memory';

const GPU = 'gpu:';

export function gpuResource(deviceId: string): string {
  return `${GPU}${deviceId}`;
}

/** The device that a resource is of; undefined for cores and memory of the host. */
export function deviceOf(resource: string): string | undefined {
  return resource.startsWith(GPU) ? resource.slice(GPU.length) : undefined;
}
