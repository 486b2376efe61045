import type { ContainerPlan } from './container-plan.js';

/** Injection token of the {@link ContainerEngine}. */
export const CONTAINER_ENGINE = Symbol('ContainerEngine');

/** How a container ended. */
export interface ContainerExit {
  /** As Docker counts: 128 + signal number for a killed one. */
  exitCode: number;
  /** A process of the container reached the memory limit; not necessarily the main one. */
  oomKilled: boolean;
  /** Highest memory seen, bytes; undefined where nothing could be measured. */
  peakMemoryBytes?: number;
  /** CPU time used, seconds. */
  cpuSeconds?: number;
}

/** What the engine tells while a container runs. */
export interface ContainerListener {
  /** The container's process runs. */
  started(): void;
  stdout(chunk: Buffer): void;
  stderr(chunk: Buffer): void;
}

/** A container of ours that an engine found. */
export interface FoundContainer {
  id: string;
  taskId: string;
  attempt: number;
  /** Milliseconds since its creation. */
  ageMs: number;
}

/** Runs containers. Declared by the run, implemented by one adapter an engine. */
export interface ContainerEngine {
  readonly kind: 'docker' | 'process';
  /** The engine's version, for the log and for readiness. @throws when it cannot be reached. */
  version(): Promise<string>;
  /** Whether the image is on the host. */
  hasImage(image: string): Promise<boolean>;
  /**
   * Makes sure of the image, pulling it where that is allowed; `onPull` is told when it has to be fetched.
   * @throws TaskError IMAGE_NOT_AVAILABLE
   */
  ensureImage(image: string, signal: AbortSignal, onPull: () => void): Promise<void>;
  /** A path of this process as the engine's host knows it. */
  hostPath(path: string): Promise<string>;
  /**
   * Runs the plan to its end and removes the container. When the signal aborts, the container gets SIGTERM, then
   * SIGKILL after its grace; the promise still settles only when it is really gone and its output is read.
   * @throws TaskError CONTAINER_START_FAILED | IMAGE_NOT_AVAILABLE | INTERNAL
   */
  run(plan: ContainerPlan, listener: ContainerListener, signal: AbortSignal): Promise<ContainerExit>;
  /** Containers of this installation, of one task where given. */
  find(taskId?: string): Promise<FoundContainer[]>;
  /** Kills and removes a container; one that is gone already is fine. */
  remove(id: string): Promise<void>;
}
