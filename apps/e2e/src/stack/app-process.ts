import { spawn, type ChildProcess } from 'node:child_process';
import { freePort, waitFor } from '@function-runner/testing';
import { builtApp } from './repository.js';

export type AppName = 'api' | 'worker';

/** How a process ended. */
export interface ProcessEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** As `npm run api` and `npm run worker` have them. */
const NODE_FLAGS = ['--enable-source-maps', '--max-semi-space-size=8'];

/** Characters of a process's log that are kept, the last ones. */
const LOG_LIMIT = 1_000_000;

/** How long a process may take to become ready, and to end after SIGTERM, before the test gives up on it. */
const READY_MS = 30_000;
const END_MS = 20_000;

/**
 * One api or worker as an operator starts it: the built program, told everything by its environment. Owns the child;
 * {@link AppProcess.stop} ends it by its id, and nothing else.
 */
export class AppProcess {
  readonly ended: Promise<ProcessEnd>;
  private text = '';
  private end: ProcessEnd | undefined;

  private constructor(
    readonly name: AppName,
    readonly port: number,
    private readonly child: ChildProcess,
  ) {
    const keep = (chunk: Buffer): void => void (this.text = (this.text + chunk.toString()).slice(-LOG_LIMIT));
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    this.ended = new Promise((resolve) => child.once('close', (code, signal) => resolve((this.end = { code, signal }))));
  }

  /** Starts the program in `folder`, on a free port unless told; does not wait for it. */
  static async spawn(name: AppName, folder: string, environment: Readonly<Record<string, string>>, at?: number): Promise<AppProcess> {
    const port = at ?? (await freePort());
    const { PATH = '', HOME = '', DOCKER_HOST } = process.env;
    const child = spawn(process.execPath, [...NODE_FLAGS, builtApp(name)], {
      // A folder of the test's own, so that no config/pipelines.json of the checkout is found.
      cwd: folder,
      env: { PATH, HOME, ...(DOCKER_HOST === undefined ? {} : { DOCKER_HOST }), [name === 'api' ? 'PORT' : 'WORKER_PORT']: String(port), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new AppProcess(name, port, child);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error(`the ${this.name} was not started`);
    return this.child.pid;
  }

  get alive(): boolean {
    return this.end === undefined;
  }

  /** Everything that it has printed. */
  get log(): string {
    return this.text;
  }

  /** Waits until it says that it is ready. @throws Error with its log when it ends, or is not ready in time */
  async ready(): Promise<this> {
    try {
      await waitFor(`the ${this.name} to be ready`, async () => !this.alive || (await fetch(`${this.url}/health/ready`)).ok, READY_MS);
    } catch (error) {
      throw new Error(`the ${this.name} did not become ready:\n${this.log.slice(-4000)}`, { cause: error });
    }
    if (!this.alive) throw new Error(`the ${this.name} ended with ${JSON.stringify(this.end)}:\n${this.log.slice(-4000)}`);
    return this;
  }

  /** Sends a signal, as `kill` does. */
  signal(signal: NodeJS.Signals): void {
    if (this.alive) process.kill(this.pid, signal);
  }

  /** Ends it at once, as a crash does. */
  async crash(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended;
  }

  /** Ends it in good order. @throws Error when it had to be killed */
  async stop(): Promise<ProcessEnd> {
    this.signal('SIGTERM');
    let forced = false;
    const timer = setTimeout(() => {
      forced = true;
      this.signal('SIGKILL');
    }, END_MS);
    const end = await this.ended;
    clearTimeout(timer);
    if (forced) throw new Error(`the ${this.name} did not end within ${END_MS} ms of SIGTERM:\n${this.log.slice(-4000)}`);
    return end;
  }
}
