/**
 * Docker, through dockerode: the one file that speaks to the daemon, but for kill-containers-of.ts.
 *
 * Owns no state but the images it has seen. The order create → attach → wait(next-exit) → start is a must: an
 * attach after the start loses output, and a wait after it can miss the exit. Exit and end of the streams are both
 * awaited, and the container is removed by hand: AutoRemove loses exit codes.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { Duplex } from 'node:stream';
import Docker from 'dockerode';
import { TaskError } from '@function-runner/task-contract';
import type { Logger } from '../logging/logger.js';
import { within } from '../lifecycle/within.js';
import { LABEL, servingPlace } from './container-labels.js';
import type { ContainerEngine, ContainerExit, ContainerListener, FoundContainer, Machine, ServingContainer } from './container-engine.port.js';
import type { ContainerPlan } from './container-plan.js';
import { dockerCreateBody, INTERNAL_NETWORK } from './docker-create-body.js';
import { dockerConnection } from './docker-connection.js';
import { DockerFrames } from './docker-frames.js';
import type { InstallIdentity } from './install-identity.js';
import { ownContainerIds } from './own-container.js';
import { ResourceWatch } from './resource-watch.js';
import { stopWhenTold } from './stop-when-told.js';
import { UsageGauge } from './usage-gauge.js';

/** How long the daemon may take to answer a question that it answers from memory. */
const ANSWER_TIMEOUT_MS = 5000;

/** What Docker's init prints to stderr when it cannot start the command; it then exits as a shell would. */
const INIT_FAULT = /^\[FATAL tini \(\d+\)\] (exec .{1,300} failed: .{1,100})$/m;
const INIT_FAULT_CODES = [126, 127];
const FIRST_WORDS_LENGTH = 1000;

/** What the daemon says, with 500, where nothing is installed that could give a container a GPU. */
const NO_DEVICE_DRIVER = /could not select device driver/;

export class DockerEngine implements ContainerEngine {
  readonly kind = 'docker';
  private readonly docker: Docker;
  private readonly seenImages = new Set<string>();
  private ownMounts: Promise<{ source: string; target: string }[]> | undefined;

  constructor(
    private readonly options: { dockerHost: string | undefined; pull: 'missing' | 'never' },
    private readonly identity: Pick<InstallIdentity, 'id'>,
    private readonly logger: Logger,
  ) {
    this.docker = new Docker(dockerConnection(options.dockerHost));
  }

  async version(): Promise<string> {
    // dockerode's version() takes no signal: the answer is waited for no longer, whatever becomes of the request.
    const { Version } = await within(ANSWER_TIMEOUT_MS, this.docker.version());
    return Version;
  }

  async machine(): Promise<Machine> {
    const info = (await within(ANSWER_TIMEOUT_MS, this.docker.info())) as { ID: string; Name: string; NCPU: number; MemTotal: number };
    return { id: info.ID, name: info.Name, cores: info.NCPU, memoryBytes: info.MemTotal };
  }

  async hasImage(image: string): Promise<boolean> {
    try {
      await this.docker.getImage(image).inspect();
      return true;
    } catch (error) {
      if (statusOf(error) === 404) return false;
      throw error;
    }
  }

  async ensureImage(image: string, signal: AbortSignal, onPull: () => void): Promise<void> {
    // Seen once is good enough: should it be removed meanwhile, `create` says so and it is looked for again.
    if (this.seenImages.has(image)) return;
    if (!(await this.hasImage(image))) {
      if (this.options.pull === 'never') throw imageNotAvailable(image, 'and IMAGE_PULL=never forbids pulling it');
      onPull();
      await this.pull(image, signal);
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
    const found = await this.docker.listContainers({ all: true, filters: { label } });
    return found.map(({ Id, Labels, Created }) => ({
      id: Id, taskId: Labels[LABEL.task] ?? '', attempt: Number(Labels[LABEL.attempt] ?? 0), workerId: Labels[LABEL.worker] ?? '',
      serving: servingPlace(Labels[LABEL.serving]), leaseId: Labels[LABEL.lease] ?? '', ageMs: Date.now() - Created * 1000,
    }));
  }

  async remove(id: string): Promise<void> {
    try {
      await this.docker.getContainer(id).remove({ force: true, v: true });
    } catch (error) {
      // 404: gone already; 409: another removal is under way and will finish.
      if (![404, 409].includes(statusOf(error) ?? 0)) throw error;
    }
  }

  /** Creates, attaches, waits, starts, in this order; whatever fails on the way, no container is left. */
  private async launch(plan: ContainerPlan, listener: ContainerListener, { serving }: { serving: boolean }): Promise<ServingContainer> {
    if (plan.network === 'internal') await this.ensureInternalNetwork();
    const container = await this.create(plan);
    let stream: Duplex | undefined;
    try {
      stream = (await container.attach({ stream: true, hijack: true, stdin: true, stdout: true, stderr: true })) as Duplex;
      let firstWords = '';
      const output = this.demultiplex(stream, {
        stdout: (chunk) => listener.stdout(chunk),
        stderr: (chunk) => {
          // Several chunks: the init writes its sentence in pieces.
          if (firstWords.length < FIRST_WORDS_LENGTH) firstWords += chunk.toString('utf8', 0, FIRST_WORDS_LENGTH);
          listener.stderr(chunk);
        },
      });
      const exited = container.wait({ condition: 'next-exit' }) as Promise<{ StatusCode: number }>;
      // Its failure is met where it is awaited; without this a failed start would leave it unhandled.
      exited.catch(() => undefined);
      await listener.created?.();
      await this.start(container, plan);
      listener.started();
      stream.write(plan.stdin);
      if (!serving) stream.end();
      const gauge = new UsageGauge(() => container.stats({ stream: false, 'one-shot': true }), this.logger);
      const ended = this.follow(container, plan, stream, exited, output, () => firstWords, serving);
      // A serving container may end with nobody waiting for it just then; whoever uses it learns of it.
      ended.catch(() => undefined).finally(() => gauge.stop());
      return {
        write: (line) => void stream?.write(line),
        ended,
        measure: () => gauge.measure(),
        memoryInUse: () => gauge.memoryInUse,
        stop: async (graceSeconds) => {
          await this.stop(container, graceSeconds);
          await ended.then(() => undefined, () => undefined);
        },
      };
    } catch (error) {
      stream?.destroy();
      await this.remove(container.id);
      throw error;
    }
  }

  /** From the start of a container to its removal. A serving one is not sampled: it is asked for its memory when somebody wants to know. */
  private async follow(
    container: Docker.Container, plan: ContainerPlan, stream: Duplex, exited: Promise<{ StatusCode: number }>, output: Promise<void>, firstWords: () => string, serving: boolean,
  ): Promise<ContainerExit> {
    const watch = new ResourceWatch(() => container.stats({ stream: false, 'one-shot': true }), this.logger);
    if (!serving) watch.start();
    try {
      const { StatusCode } = await exited;
      await output;
      const unstarted = INIT_FAULT_CODES.includes(StatusCode) ? INIT_FAULT.exec(firstWords())?.[1] : undefined;
      if (unstarted !== undefined) throw startFailed(plan.image, unstarted);
      const { State } = await container.inspect();
      return { exitCode: StatusCode, oomKilled: State.OOMKilled, ...watch.result() };
    } finally {
      watch.stop();
      stream.destroy();
      await this.remove(container.id);
    }
  }

  private async create(plan: ContainerPlan): Promise<Docker.Container> {
    try {
      return await this.docker.createContainer(dockerCreateBody(plan));
    } catch (error) {
      if (statusOf(error) === 404) {
        this.seenImages.delete(plan.image);
        throw imageNotAvailable(plan.image, 'any more', error);
      }
      if (NO_DEVICE_DRIVER.test(messageOf(error))) throw gpuUnavailable(error);
      throw new TaskError('CONTAINER_START_FAILED', `the container engine refused to create the container: ${messageOf(error)}`, undefined, { cause: error });
    }
  }

  private async start(container: Docker.Container, plan: ContainerPlan): Promise<void> {
    try {
      await container.start();
    } catch (error) {
      if (NO_DEVICE_DRIVER.test(messageOf(error))) throw gpuUnavailable(error);
      throw startFailed(plan.image, messageOf(error), error);
    }
  }

  /** Settles when the container's output has ended. */
  private demultiplex(stream: Duplex, listener: Pick<ContainerListener, 'stdout' | 'stderr'>): Promise<void> {
    const frames = new DockerFrames(listener);
    stream.on('data', (chunk: Buffer) => frames.push(chunk));
    return new Promise((resolve) => {
      for (const ending of ['end', 'close', 'error']) stream.once(ending, () => resolve());
    });
  }

  /** SIGTERM, then SIGKILL after the grace, both by the daemon. */
  private async stop(container: Docker.Container, graceSeconds: number): Promise<void> {
    try {
      await container.stop({ t: graceSeconds });
    } catch (error) {
      // 304: it has stopped already; 404: it is gone.
      if (![304, 404].includes(statusOf(error) ?? 0)) this.logger.error({ err: error, container: container.id }, 'stopping a container failed; its removal is next');
    }
  }

  private async pull(image: string, signal: AbortSignal): Promise<void> {
    try {
      const stream = await this.docker.pull(image, { abortSignal: signal });
      await new Promise<void>((resolve, reject) => this.docker.modem.followProgress(stream, (error: Error | null) => (error ? reject(error) : resolve())));
    } catch (error) {
      signal.throwIfAborted();
      throw imageNotAvailable(image, `and pulling it failed (${messageOf(error)})`, error);
    }
  }

  private async ensureInternalNetwork(): Promise<void> {
    try {
      await this.docker.createNetwork({ Name: INTERNAL_NETWORK, Internal: true, CheckDuplicate: true, Labels: { [LABEL.install]: await this.identity.id() } });
    } catch (error) {
      // 409: another run made it.
      if (statusOf(error) !== 409) throw error;
    }
  }

  /** The mounts of the container that this worker itself runs in; none when the engine knows no such container. */
  private async inspectOwnMounts(): Promise<{ source: string; target: string }[]> {
    const [cgroup, mountinfo] = await Promise.all([readFile('/proc/self/cgroup', 'utf8'), readFile('/proc/self/mountinfo', 'utf8')]);
    for (const id of ownContainerIds({ cgroup, mountinfo, hostname: hostname() })) {
      try {
        const { Mounts } = await this.docker.getContainer(id).inspect();
        return Mounts.map(({ Source, Destination }) => ({ source: Source, target: Destination }));
      } catch (error) {
        if (statusOf(error) !== 404) throw error;
      }
    }
    this.logger.info('this machine looks like a container and the engine does not know it; set WORKSPACE_HOST_ROOT if pipelines do not find the workspace');
    return [];
  }
}

function startFailed(image: string, why: string, cause?: unknown): TaskError {
  return new TaskError('CONTAINER_START_FAILED', `the container of ${image} did not start: ${why}; check the pipeline’s command`, undefined, { cause });
}

function gpuUnavailable(cause: unknown): TaskError {
  return new TaskError('GPU_UNAVAILABLE', `the container engine gives no GPU to containers: ${messageOf(cause)}; install nvidia-container-toolkit on its host and restart it, or set GPU_INVENTORY=none`, undefined, { cause });
}

function imageNotAvailable(image: string, why: string, cause?: unknown): TaskError {
  return new TaskError('IMAGE_NOT_AVAILABLE', `the image ${image} is not on this host ${why}; load it with "docker load", build it, or name another image in the pipelines file`, { image }, { cause });
}

function statusOf(error: unknown): number | undefined {
  return typeof error === 'object' && error !== null && 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : undefined;
}

function messageOf(error: unknown): string {
  const json = typeof error === 'object' && error !== null && 'json' in error ? error.json : undefined;
  if (typeof json === 'object' && json !== null && 'message' in json && typeof json.message === 'string') return json.message;
  return error instanceof Error ? error.message : String(error);
}
