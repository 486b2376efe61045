/**
 * A Docker daemon of one test file, beside the machine's own, so that it can be ended, killed and frozen.
 *
 * Owns its dockerd (which starts a containerd of its own), its folder and, from the start on, whatever runs or is
 * mounted below that folder. After {@link DockerDaemonFixture.end} nothing of it is left, whatever a test did to it.
 * Its containers have no network but `none`: it touches neither the machine's bridges nor its iptables.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import Docker from 'dockerode';
import { tempFolder, type TempFolder } from './temp-folder.js';
import { waitFor } from './wait-for.js';

const run = promisify(execFile);

/** Longest until a daemon answers, and until one that was told to end has ended; both take about a second where nothing else runs. */
const UP_MS = 60_000;
const DOWN_MS = 30_000;

/** How often a start is tried: after a kill, dockerd now and then gives up its new containerd although it runs. */
const START_TRIES = 2;

const LOG_LIMIT = 100_000;

export interface DockerDaemonOptions {
  /** Whether its containers live on while it is away. */
  liveRestore?: boolean;
  /** Where it keeps images and containers, such as on a disk that is soon full; a folder of its own if not given. */
  dataRoot?: string;
}

export class DockerDaemonFixture {
  readonly docker: Docker;
  private child: ChildProcess | undefined;
  private output = '';

  private constructor(
    private readonly folder: TempFolder,
    private readonly options: DockerDaemonOptions,
  ) {
    this.docker = new Docker({ socketPath: this.socketPath });
  }

  /** Makes a daemon and waits until it answers. @throws Error where this machine has no dockerd or lets us start none (it wants root) */
  static async start(options: DockerDaemonOptions = {}): Promise<DockerDaemonFixture> {
    const fixture = new DockerDaemonFixture(await tempFolder(), options);
    try {
      await fixture.start();
      return fixture;
    } catch (error) {
      await fixture.end();
      throw error;
    }
  }

  /** The socket that it listens on. */
  get socketPath(): string {
    return join(this.folder.path, 'sock');
  }

  /** The same, as `DOCKER_HOST` wants it. */
  get host(): string {
    return `unix://${this.socketPath}`;
  }

  /** The process id of dockerd. @throws when it does not run. */
  get pid(): number {
    if (!this.running || this.child?.pid === undefined) throw new Error('dockerd does not run');
    return this.child.pid;
  }

  get running(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** The end of what it printed. */
  get log(): string {
    return this.output;
  }

  /** Starts the daemon (again) on its folder and waits until it answers. */
  async start(): Promise<void> {
    for (let tries = 1; !this.running; tries += 1) {
      try {
        await this.tryStart();
      } catch (error) {
        await this.kill();
        if (tries === START_TRIES) throw new Error(`dockerd did not start:\n${this.log.slice(-4000)}`, { cause: error });
      }
    }
  }

  /** Ends it in good order. Without live-restore its containers end before it does. */
  async stop(): Promise<void> {
    await this.halt('SIGTERM');
  }

  /** Ends it at once, as a crash does. Its containers run on: without live-restore until it is started again, which ends them. */
  async kill(): Promise<void> {
    await this.halt('SIGKILL');
  }

  /** It keeps its connections, takes new ones, and answers nothing. */
  freeze(): void {
    process.kill(this.pid, 'SIGSTOP');
  }

  /** Ends a freeze: what it was asked meanwhile it does now. */
  resume(): void {
    process.kill(this.pid, 'SIGCONT');
  }

  /** Copies an image from the machine's own daemon. */
  async load(image: string): Promise<void> {
    const answer = await this.docker.loadImage(await new Docker().getImage(image).get());
    answer.resume();
    await once(answer, 'end');
    await this.docker.getImage(image).inspect();
  }

  /** Ends and removes it with all that is its own. */
  async end(): Promise<void> {
    if (this.running) {
      this.resume();
      await this.removeContainers().catch(() => undefined);
      await this.stop();
    }
    // What a daemon that was killed has left, and what was not to be removed.
    await this.killRemains();
    for (const mount of await this.mounts()) await run('umount', ['-l', mount]);
    await this.folder.remove();
    if (this.options.dataRoot !== undefined) await rm(this.options.dataRoot, { recursive: true, force: true }).catch(() => undefined);
  }

  private get dataRoot(): string {
    return this.options.dataRoot ?? join(this.folder.path, 'data');
  }

  private get execRoot(): string {
    return join(this.folder.path, 'exec');
  }

  private async tryStart(): Promise<void> {
    // Stale after a kill, and read as if they were not: dockerd then waits in vain for a containerd that is gone.
    const pidFile = join(this.folder.path, 'pid');
    await Promise.all([pidFile, join(this.execRoot, 'containerd', 'containerd.pid')].map((file) => rm(file, { force: true })));
    await mkdir(this.dataRoot, { recursive: true });
    const child = spawn(
      'dockerd',
      ['--data-root', this.dataRoot, '--exec-root', this.execRoot, '-p', pidFile, '-H', this.host, '--bridge=none', '--iptables=false', ...(this.options.liveRestore === true ? ['--live-restore'] : [])],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (this.output = (this.output + chunk.toString()).slice(-LOG_LIMIT)));
    await once(child, 'spawn');
    await waitFor('dockerd to answer', async () => !this.running || (await this.docker.ping().then(() => true)), UP_MS);
    if (!this.running) throw new Error('dockerd has ended');
  }

  private async halt(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const { child } = this;
    if (child !== undefined && this.running) {
      const exited = once(child, 'exit');
      child.kill('SIGCONT');
      child.kill(signal);
      const timer = setTimeout(() => child.kill('SIGKILL'), DOWN_MS);
      await exited;
      clearTimeout(timer);
    }
    // Its containerd dies with it, a moment later; what starts next would take it for its own.
    for (const { pid } of await this.processes('containerd')) process.kill(pid, 'SIGKILL');
    await waitFor('containerd to end', async () => (await this.processes('containerd')).length === 0);
  }

  private async removeContainers(): Promise<void> {
    for (const { Id } of await this.docker.listContainers({ all: true })) await this.docker.getContainer(Id).remove({ force: true, v: true });
  }

  /** Kills the shims that outlived their daemon, and what they hold. */
  private async killRemains(): Promise<void> {
    const shims = await this.processes('containerd-shim-runc-v2');
    // The container's process first: without its shim it would be nobody's.
    for (const { pid } of shims) for (const child of await childrenOf(pid)) kill(child);
    for (const { pid } of shims) kill(pid);
  }

  /** This daemon's processes of that name: all are told of its folder. */
  private async processes(name: string): Promise<{ pid: number }[]> {
    const found: { pid: number }[] = [];
    for (const entry of await readdir('/proc')) {
      if (!/^\d+$/.test(entry)) continue;
      const command = (await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '')).split('\0');
      if (command[0]?.split('/').at(-1) === name && command.some((word) => word.startsWith(`${this.folder.path}/`))) found.push({ pid: Number(entry) });
    }
    return found;
  }

  /** What is mounted below its folders, innermost first. */
  private async mounts(): Promise<string[]> {
    const lines = (await readFile('/proc/self/mounts', 'utf8')).split('\n');
    const paths = lines.map((line) => line.split(' ')[1] ?? '');
    return paths.filter((path) => path.startsWith(`${this.folder.path}/`) || path.startsWith(`${this.dataRoot}/`)).reverse();
  }
}

/** The direct children of a process. */
async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return text.split(' ').filter((word) => word !== '').map(Number);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
