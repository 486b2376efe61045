/** A GPU, or an instance of one in MIG mode, as the driver tells of it. */
export interface ReadGpu {
  /** Its place in nvidia-smi's list; an instance has its card's. */
  index: number;
  uuid: string;
  name: string;
  /** Its memory, bytes; the nominal size where the driver keeps a little of it to itself. */
  sizeBytes: number;
  /** Memory in use by whatever program, bytes; undefined where the driver does not tell. */
  usedBytes: number | undefined;
  /** Per cent of the time in which it was busy; undefined where the driver does not tell, such as in MIG mode. */
  utilization: number | undefined;
}

/** A GPU that is there and cannot be used. */
export interface SickGpu {
  index: number;
  /** Undefined where the driver could not even tell this. */
  uuid: string | undefined;
  name: string;
  why: string;
}

/** What nvidia-smi said at one moment. */
export interface GpuReading {
  devices: readonly ReadGpu[];
  sick: readonly SickGpu[];
}
