import type { ServingPlace } from './container-labels.js';
import type { ContainerPlan } from './container-plan.js';
import type { EngineFault } from './engine-fault.js';

/** Injection token of the {@link ContainerEngine}. */
export const CONTAINER_ENGINE = Symbol('ContainerEngine');

/** What a run used of the machine, as far as it could be measured. */
export interface ContainerUsage {
  /** Highest memory seen, bytes. */
  peakMemoryBytes?: number;
  /** CPU time, seconds. */
  cpuSeconds?: number;
}

/** How a container ended. */
export interface ContainerExit extends ContainerUsage {
  /** As Docker counts: 128 + signal number for a killed one. */
  exitCode: number;
  /** A process of the container reached the memory limit; not necessarily the main one. */
  oomKilled: boolean;
}

/** What the engine tells while a container runs. */
export interface ContainerListener {
  /** The container is there and does not run yet; where this rejects, it is removed and never runs. */
  created?(): Promise<void>;
  /** The container's process runs. */
  started(): void;
  stdout(chunk: Buffer): void;
  stderr(chunk: Buffer): void;
}

/** A container that stays up and takes its work over stdin: what a warm pool is made of. */
export interface ServingContainer {
  /** Writes one line to its stdin. */
  write(line: string): void;
  /** Settles when it is gone and removed, however that came; its output has been read by then. An EngineFault says whether it may run still. */
  readonly ended: Promise<ContainerExit>;
  /** Memory in use as last seen, bytes; undefined where it has not been measured. */
  memoryInUse(): number | undefined;
  /** Measures from now on, for one task; `end` says what was seen. */
  measure(): { end: () => ContainerUsage };
  /** Ends it: SIGTERM, then SIGKILL after the grace. Settles with `ended`. */
  stop(graceSeconds: number): Promise<void>;
}

/** How a run learns that it is to stop. */
export interface StopSignals {
  /** Aborts when the run is to stop: it is asked to, and has its grace. */
  readonly signal: AbortSignal;
  /** Aborts, then or later, when there is no time for a grace: what runs is killed. */
  readonly atOnce: AbortSignal;
}

/** The machine that an engine runs containers on. */
export interface Machine {
  /** The same for everybody who speaks to this engine, and for nobody else. */
  id: string;
  /** As people call it. */
  name: string;
  cores: number;
  memoryBytes: number;
}

/** A container of ours that an engine found. */
export interface FoundContainer {
  id: string;
  taskId: string;
  attempt: number;
  /** The worker process that started it. */
  workerId: string;
  /** Where it works, if it serves one task after the other and so belongs to its worker, not to an attempt. */
  serving: ServingPlace | undefined;
  /** The lease that it runs on. */
  leaseId: string;
  /** Milliseconds since its creation. */
  ageMs: number;
}

/** Runs containers; every question to it has an end, an answer or an EngineFault. Declared by the run, implemented by one adapter an engine. */
export interface ContainerEngine {
  readonly kind: 'docker' | 'process';
  /** The engine's version, for the log and for readiness. @throws when it cannot be reached. */
  version(): Promise<string>;
  /** What containers run on. @throws when it cannot be reached. */
  machine(): Promise<Machine>;
  /** Whether the image is on the host. */
  hasImage(image: string): Promise<boolean>;
  /**
   * Makes sure of the image, pulling it where that is allowed; `onPull` is told when it has to be fetched.
   * @throws TaskError IMAGE_NOT_AVAILABLE
   * @throws EngineFault
   */
  ensureImage(image: string, signal: AbortSignal, onPull: () => void): Promise<void>;
  /** A path of this process as the engine's host knows it. */
  hostPath(path: string): Promise<string>;
  /**
   * Runs the plan to its end and removes the container. When the signal aborts, the container gets SIGTERM, then
   * SIGKILL after its grace, or when `atOnce` does; the promise still settles only when it is really gone and its output is
   * read, or with an EngineFault, in bounded time, that says whether it may run still.
   * @throws TaskError CONTAINER_START_FAILED | IMAGE_NOT_AVAILABLE | GPU_UNAVAILABLE
   * @throws EngineFault
   */
  run(plan: ContainerPlan, listener: ContainerListener, signal: AbortSignal, atOnce?: AbortSignal): Promise<ContainerExit>;
  /**
   * Starts the plan and leaves it running; its stdin stays open.
   * @throws TaskError CONTAINER_START_FAILED | IMAGE_NOT_AVAILABLE | GPU_UNAVAILABLE
   * @throws EngineFault
   */
  serve(plan: ContainerPlan, listener: ContainerListener): Promise<ServingContainer>;
  /** Containers of this installation, of one task where given. */
  find(taskId?: string): Promise<FoundContainer[]>;
  /** Kills and removes a container; one that is gone already is fine. */
  remove(id: string): Promise<void>;
  /** Calls `listener` whenever the engine has failed, whoever it was that asked. */
  onFault(listener: (fault: EngineFault) => void): void;
  /** Whether it could run something now: it answers, and where it had no room for a container it has by now. @throws EngineFault */
  probe(): Promise<void>;
}
