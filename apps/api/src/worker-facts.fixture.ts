import type { DeviceFacts, WorkerFacts } from '@function-runner/task-store';

const GIB = 1024 ** 3;

/** A worker's word about itself and its host: named after the host, with devices of so many GiB each. */
export function workerFacts(workerId: string, { gib = [], hostId = 'h-1', ...changes }: Partial<WorkerFacts> & { gib?: readonly number[] } = {}): WorkerFacts {
  const devices = gib.map((size, index): DeviceFacts => ({ id: `GPU-${hostId}-${index}`, name: 'RTX A5000', totalBytes: size * GIB, health: 'ok' }));
  return {
    workerId, hostId, host: `box ${hostId}`, pid: 1, engine: 'docker', state: 'working', running: 0, warm: 0, concurrency: 4, devices, cpuMillis: 8000, memoryBytes: 32 * GIB,
    startedAt: '2026-01-01T00:00:00.000Z', ...changes,
  };
}
