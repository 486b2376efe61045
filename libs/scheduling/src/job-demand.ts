import type { JobDemand, ResourceDemand } from '@function-runner/task-contract';

/** A demand as a job carries it. */
export function toJobDemand({ gpus, vramBytes, splittable, cpuMillis, memoryBytes }: ResourceDemand): JobDemand {
  return { gpus, vram_bytes: vramBytes, splittable, cpu_millis: cpuMillis, memory_bytes: memoryBytes };
}

/** The demand that a job carries. */
export function fromJobDemand({ gpus, vram_bytes, splittable, cpu_millis, memory_bytes }: JobDemand): ResourceDemand {
  return { gpus, vramBytes: vram_bytes, splittable, cpuMillis: cpu_millis, memoryBytes: memory_bytes };
}
