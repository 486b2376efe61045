import type { ContainerStats } from 'dockerode';

/**
 * Memory that a container could not do without, now and at its peak, bytes; 0 where it is not told. File cache that the
 * kernel would give up first is left out, as the Docker CLI leaves it out: a pipeline that reads large files fills its whole
 * limit with it, and needs none of it. cgroup v1 keeps the peak itself (`max_usage`), cache and all; with v2 the highest of
 * the samples is what there is.
 */
export function memoryInUse(memory: ContainerStats['memory_stats'] | undefined): { now: number; peak: number } {
  const { usage = 0, max_usage: most = 0 } = memory ?? {};
  const stats = (memory?.stats ?? {}) as { total_inactive_file?: number; inactive_file?: number };
  const cache = stats.total_inactive_file ?? stats.inactive_file ?? 0;
  return { now: Math.max(0, usage - cache), peak: Math.max(0, Math.max(usage, most) - cache) };
}
