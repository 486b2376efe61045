/** What a task holds while it runs. A task with GPUs holds their memory; one without holds cores and memory of the host. */
export interface ResourceDemand {
  /** Devices at once; 0 for a task without GPU. */
  gpus: number;
  /** Memory of each of them, bytes. */
  vramBytes: number;
  /** Whether one device's share may be split evenly over several where no single device of a host is big enough (`multi_gpu`). */
  splittable: boolean;
  /** Thousandths of a core. */
  cpuMillis: number;
  /** Of the host, bytes. */
  memoryBytes: number;
}
