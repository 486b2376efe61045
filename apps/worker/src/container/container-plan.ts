/** A folder or file of the host that a container sees. */
export interface PlannedMount {
  /** Absolute path on the engine's host. */
  source: string;
  /** Absolute path in the container. */
  target: string;
  readonly: boolean;
  /** Without what is mounted below the source: an engine may leave that writable, whatever is said of the source. */
  alone?: true;
}

/** The GPUs that a container sees. */
export interface PlannedDevices {
  /** Their uuids, or those of MIG instances; empty for none. */
  ids: readonly string[];
  /** Whether the engine is asked for them; declared ones the container is only told of. */
  real: boolean;
}

/**
 * Everything about one container, decided before any of it is carried out. Frozen: engines carry it out as it is.
 */
export interface ContainerPlan {
  name: string;
  image: string;
  /** In place of the image's entrypoint; empty keeps it. */
  command: readonly string[];
  args: readonly string[];
  environment: Readonly<Record<string, string>>;
  labels: Readonly<Record<string, string>>;
  mounts: readonly PlannedMount[];
  /** `uid:gid`. */
  user: string;
  memoryBytes: number;
  cpus: number;
  network: 'none' | 'internal';
  devices: PlannedDevices;
  /** What the container reads from stdin: one JSON line, then stdin closes. Of a serving container the line that comes first. */
  stdin: string;
  /** Host folder that the container sees as `/tmp`, for a container whose scratch must be cleaned between tasks; else `/tmp` is memory of its own. */
  scratch: string | undefined;
  /** Whether the engine keeps what it prints, within bounds, so that it can be heard out after a cut; not of one that serves, whose conversation no log holds. */
  keepsLog: boolean;
  /** Seconds between SIGTERM and SIGKILL. */
  graceSeconds: number;
}
