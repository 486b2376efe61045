import type { ContainerCreateOptions, DeviceRequest } from 'dockerode';
import type { ContainerPlan, PlannedMount } from './container-plan.js';

/** Processes and threads a container may have: libraries such as libvips start one per core, a fork bomb starts thousands. */
const PIDS_LIMIT = 512;

/** Scratch space in memory; it counts towards the container's memory limit. */
const TMPFS_OPTIONS = 'rw,nosuid,nodev,noexec,size=1g,mode=1777';

/** A log of twice 16 MiB: more than a pipeline that reports what it does ever prints, and what 50 containers print fits on any disk. */
const LOG_BOUNDS = { 'max-size': '16m', 'max-file': '2' };

/** Name of the network without a way out; made by the engine when a pipeline asks for it. */
export const INTERNAL_NETWORK = 'function-runner-internal';

/**
 * The plan as Docker's create request: hardened, whatever the pipeline. Pure; golden tests hold it.
 * `Mounts` and not `Binds`: a bind silently creates a missing host folder. The worker reads the streams itself; the log
 * is for what it misses when the daemon restarts under a container, and is bounded, or a flood would fill the disk by it.
 */
export function dockerCreateBody(plan: ContainerPlan): ContainerCreateOptions {
  return {
    name: plan.name,
    Image: plan.image,
    ...(plan.command.length > 0 ? { Entrypoint: [...plan.command] } : {}),
    Cmd: [...plan.args],
    Env: Object.entries(plan.environment).map(([name, value]) => `${name}=${value}`),
    Labels: { ...plan.labels },
    User: plan.user,
    Tty: false,
    OpenStdin: true,
    // Where the connection to one that serves is cut, its stdin stays open: it would take the cut for its end and exit with 0, as one does that breaks the protocol.
    StdinOnce: plan.keepsLog,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    StopTimeout: plan.graceSeconds,
    HostConfig: {
      NetworkMode: plan.network === 'internal' ? INTERNAL_NETWORK : 'none',
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      PidsLimit: PIDS_LIMIT,
      Memory: plan.memoryBytes,
      // No swap beside it: the limit is what the manifest says.
      MemorySwap: plan.memoryBytes,
      NanoCpus: Math.round(plan.cpus * 1e9),
      ...(plan.devices.real && plan.devices.ids.length > 0 ? { DeviceRequests: [deviceRequest(plan.devices.ids)] } : {}),
      ...(plan.scratch === undefined ? { Tmpfs: { '/tmp': TMPFS_OPTIONS } } : {}),
      // PID 1 reaps zombies and passes SIGTERM on; without it a stop takes the whole grace.
      Init: true,
      LogConfig: plan.keepsLog ? { Type: 'json-file', Config: LOG_BOUNDS } : { Type: 'none', Config: {} },
      Mounts: [...plan.mounts, ...(plan.scratch === undefined ? [] : [{ source: plan.scratch, target: '/tmp', readonly: false }])].map(
        ({ source, target, readonly, alone }: PlannedMount) => ({ Type: 'bind' as const, Source: source, Target: target, ReadOnly: readonly, BindOptions: { Propagation: 'rprivate' as const, ...(alone === true ? { NonRecursive: true } : {}) } }),
      ),
      AutoRemove: false,
    },
  };
}

/** What `docker run --gpus '"device=…"'` sends: the engine picks the driver that has the capability. */
function deviceRequest(ids: readonly string[]): DeviceRequest {
  return { Driver: '', Count: 0, DeviceIDs: [...ids], Capabilities: [['gpu']], Options: {} };
}
