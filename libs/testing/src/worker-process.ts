import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort } from './free-port.js';
import { waitFor } from './wait-for.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** Compiles the worker, so that {@link WorkerProcess} runs the sources as they are; takes a second where nothing changed. */
export async function buildWorker(): Promise<void> {
  await promisify(execFile)(process.execPath, ['node_modules/typescript-7/bin/tsc', '-b', 'apps/worker/tsconfig.lib.json'], { cwd: ROOT });
}

/** A worker as a process of its own, so that it can be killed. */
export class WorkerProcess {
  private output = '';

  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
  ) {
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (this.output = (this.output + chunk.toString()).slice(-200_000)));
  }

  static async start(environment: Record<string, string>): Promise<WorkerProcess> {
    const port = await freePort();
    const inherited = { PATH: process.env['PATH'] ?? '', ...(process.env['DOCKER_HOST'] === undefined ? {} : { DOCKER_HOST: process.env['DOCKER_HOST'] }) };
    const child = spawn(process.execPath, ['--enable-source-maps', 'apps/worker/dist/main.js'], { cwd: ROOT, env: { ...inherited, ...environment, WORKER_PORT: String(port) }, stdio: ['ignore', 'pipe', 'pipe'] });
    const worker = new WorkerProcess(child, port);
    try {
      await waitFor('the worker to be ready', async () => {
        if (child.exitCode !== null) throw new Error('it has ended');
        return (await fetch(`http://127.0.0.1:${port}/health/ready`)).status === 200;
      });
    } catch (error) {
      await worker.stop();
      throw new Error(`the worker did not become ready; its log:\n${worker.log}`, { cause: error });
    }
    return worker;
  }

  /** The end of what it printed. */
  get log(): string {
    return this.output;
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Sends a signal and waits for the end of the process. */
  async end(signal: NodeJS.Signals): Promise<void> {
    if (!this.running) return;
    const exited = once(this.child, 'exit');
    this.child.kill(signal);
    await exited;
  }

  async stop(): Promise<void> {
    await this.end('SIGKILL');
  }
}
