/**
 * Docker as the container engine: images, runs, and finding what is ours.
 *
 * Owns no state but the images it has seen and, where it runs in a container itself, that one's mounts.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { TaskError } from '@function-runner/task-contract';
import type { Logger } from '../logging/logger.js';
import type { ContainerEngine, ContainerExit, ContainerListener, FoundContainer, Machine, ServingContainer } from './container-engine.port.js';
import { LABEL, servingPlace } from './container-labels.js';
import type { ContainerPlan } from './container-plan.js';
import { INTERNAL_NETWORK } from './docker-create-body.js';
import { DockerDaemon, type DaemonPatience } from './docker-daemon.adapter.js';
import { EngineFault } from './engine-fault.js';
import { imageNotAvailable } from './engine-fault-of.js';
import type { InstallIdentity } from './install-identity.js';
import { launchContainer } from './launch-container.js';
import { ownContainerIds } from './own-container.js';
import { RunningContainer } from './running-container.js';
import { stopWhenTold } from './stop-when-told.js';

export interface DockerEngineOptions {
  dockerHost: string | undefined;
  pull: 'missing' | 'never';
  /** How long the daemon may take; as it is in production if not given. */
  patience?: DaemonPatience;
}

export class DockerEngine implements ContainerEngine {
  readonly kind = 'docker';
  private readonly daemon: DockerDaemon;
  private readonly seenImages = new Set<string>();
  private readonly faultListeners = new Set<(fault: EngineFault) => void>();
  /** The image of the last container that there was no room for. */
  private shortOfRoomFor: string | undefined;
  private ownMounts: Promise<{ source: string; target: string }[]> | undefined;

  constructor(
    private readonly options: DockerEngineOptions,
    private readonly identity: Pick<InstallIdentity, 'id'>,
    private readonly logger: Logger,
  ) {
    this.daemon = new DockerDaemon(options.dockerHost, (fault) => this.faultListeners.forEach((listener) => listener(fault)), options.patience);
  }

  version(): Promise<string> {
    return this.daemon.version();
  }

  machine(): Promise<Machine> {
    return this.daemon.machine();
  }

  hasImage(image: string): Promise<boolean> {
    return this.daemon.hasImage(image);
  }

  async ensureImage(image: string, signal: AbortSignal, onPull: () => void): Promise<void> {
    // Seen once is good enough: should it be removed meanwhile, `create` says so and it is looked for again.
    if (this.seenImages.has(image)) return;
    if (!(await this.hasImage(image))) {
      if (this.options.pull === 'never') throw imageNotAvailable(image, 'and IMAGE_PULL=never forbids pulling it');
      onPull();
      await this.daemon.pull(image, signal);
    }
    this.seenImages.add(image);
  }

  async hostPath(path: string): Promise<string> {
    if (!existsSync('/.dockerenv')) return path;
    if (this.ownMounts === undefined) {
      this.ownMounts = this.inspectOwnMounts();
      // An engine that did not answer is asked again for the next task.
      this.ownMounts.catch(() => (this.ownMounts = undefined));
    }
    const mount = (await this.ownMounts)
      .filter(({ target }) => path === target || path.startsWith(`${target}/`))
      .sort((a, b) => b.target.length - a.target.length)[0];
    return mount === undefined ? path : `${mount.source}${path.slice(mount.target.length)}`;
  }

  async run(plan: ContainerPlan, listener: ContainerListener, signal: AbortSignal, atOnce?: AbortSignal): Promise<ContainerExit> {
    const container = await this.launch(plan, listener, { serving: false });
    const stopListening = stopWhenTold({ signal, atOnce }, plan.graceSeconds, (graceSeconds) => void container.stop(graceSeconds));
    try {
      return await container.ended;
    } finally {
      stopListening();
    }
  }

  serve(plan: ContainerPlan, listener: ContainerListener): Promise<ServingContainer> {
    return this.launch(plan, listener, { serving: true });
  }

  async find(taskId?: string): Promise<FoundContainer[]> {
    const label = [`${LABEL.install}=${await this.identity.id()}`, ...(taskId === undefined ? [] : [`${LABEL.task}=${taskId}`])];
    const found = await this.daemon.list(label);
    return found.map(({ id, labels, createdAt }) => ({
      id, taskId: labels[LABEL.task] ?? '', attempt: Number(labels[LABEL.attempt] ?? 0), workerId: labels[LABEL.worker] ?? '',
      serving: servingPlace(labels[LABEL.serving]), leaseId: labels[LABEL.lease] ?? '', ageMs: Date.now() - createdAt,
    }));
  }

  remove(id: string): Promise<void> {
    return this.daemon.remove(id);
  }

  onFault(listener: (fault: EngineFault) => void): void {
    this.faultListeners.add(listener);
  }

  async probe(): Promise<void> {
    await this.daemon.version();
    if (this.shortOfRoomFor === undefined) return;
    await this.daemon.tryRoom(this.shortOfRoomFor, await this.identity.id());
    this.shortOfRoomFor = undefined;
  }

  private async launch(plan: ContainerPlan, listener: ContainerListener, { serving }: { serving: boolean }): Promise<RunningContainer> {
    try {
      if (plan.network === 'internal') await this.daemon.ensureNetwork(INTERNAL_NETWORK, { [LABEL.install]: await this.identity.id() });
      const launched = await launchContainer(this.daemon, plan, listener, this.logger);
      listener.started();
      launched.stream.write(plan.stdin);
      if (!serving) launched.stream.end();
      return new RunningContainer(launched, this.daemon, plan, { serving }, this.logger);
    } catch (error) {
      if (error instanceof EngineFault && error.kind === 'no-space') this.shortOfRoomFor = plan.image;
      if (error instanceof TaskError && error.code === 'IMAGE_NOT_AVAILABLE') this.seenImages.delete(plan.image);
      throw error;
    }
  }

  /** The mounts of the container that this worker itself runs in; none when the engine knows no such container. */
  private async inspectOwnMounts(): Promise<{ source: string; target: string }[]> {
    const [cgroup, mountinfo] = await Promise.all([readFile('/proc/self/cgroup', 'utf8'), readFile('/proc/self/mountinfo', 'utf8')]);
    for (const id of ownContainerIds({ cgroup, mountinfo, hostname: hostname() })) {
      const mounts = await this.daemon.mountsOf(id);
      if (mounts !== undefined) return mounts;
    }
    this.logger.info('this machine looks like a container and the engine does not know it; set WORKSPACE_HOST_ROOT if pipelines do not find the workspace');
    return [];
  }
}
