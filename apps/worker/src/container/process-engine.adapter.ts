/**
 * Runs a pipeline's command as a plain process of this machine: for development without a container engine.
 * NOTHING IS ISOLATED: the process may do whatever this user may.
 */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism, constants, hostname, tmpdir, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { TaskError } from '@function-runner/task-contract';
import type { ProcessCommands } from '../config/process-commands.js';
import type { ContainerEngine, ContainerExit, ContainerListener, FoundContainer, Machine, ServingContainer } from './container-engine.port.js';
import type { ContainerPlan } from './container-plan.js';
import { stopWhenTold } from './stop-when-told.js';

export class ProcessEngine implements ContainerEngine {
  readonly kind = 'process';

  constructor(private readonly commands: ProcessCommands) {}

  version(): Promise<string> {
    return Promise.resolve('no isolation');
  }

  machine(): Promise<Machine> {
    return Promise.resolve({ id: hostname(), name: hostname(), cores: availableParallelism(), memoryBytes: totalmem() });
  }

  /** There are no images here, only commands that stand in for them; a pipeline with its own command needs none. */
  hasImage(image: string): Promise<boolean> {
    return Promise.resolve(Object.hasOwn(this.commands, image));
  }

  ensureImage(): Promise<void> {
    return Promise.resolve();
  }

  hostPath(path: string): Promise<string> {
    return Promise.resolve(path);
  }

  async run(plan: ContainerPlan, listener: ContainerListener, signal: AbortSignal, atOnce?: AbortSignal): Promise<ContainerExit> {
    const running = await this.launch(plan, listener, { serving: false });
    const stopListening = stopWhenTold({ signal, atOnce }, plan.graceSeconds, (graceSeconds) => void running.stop(graceSeconds));
    try {
      return await running.ended;
    } finally {
      stopListening();
    }
  }

  serve(plan: ContainerPlan, listener: ContainerListener): Promise<ServingContainer> {
    return this.launch(plan, listener, { serving: true });
  }

  private async launch(plan: ContainerPlan, listener: ContainerListener, { serving }: { serving: boolean }): Promise<ServingContainer> {
    const entrypoint = plan.command.length > 0 ? plan.command : Object.hasOwn(this.commands, plan.image) ? this.commands[plan.image] : undefined;
    const [program, ...words] = entrypoint ?? [];
    if (program === undefined) {
      throw new TaskError('IMAGE_NOT_AVAILABLE', `CONTAINER_ENGINE=process knows no command for the image ${plan.image}; name one in PROCESS_COMMANDS`);
    }
    await listener.created?.();
    const child = spawn(program, [...words, ...plan.args], {
      env: { PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`, ...plan.environment },
      cwd: tmpdir(),
      stdio: ['pipe', 'pipe', 'pipe'],
      // A group of its own, so that a stop reaches grandchildren too.
      detached: true,
    });
    const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
    // Settled by the race below where the start fails.
    closed.catch(() => undefined);
    try {
      await once(child, 'spawn');
    } catch (error) {
      throw new TaskError('CONTAINER_START_FAILED', `"${program}" did not start: ${(error as Error).message}`, undefined, { cause: error });
    }
    listener.started();
    child.stdout.on('data', (chunk: Buffer) => listener.stdout(chunk));
    child.stderr.on('data', (chunk: Buffer) => listener.stderr(chunk));
    // A process that ends without reading its stdin is no fault of ours.
    child.stdin.on('error', () => undefined);
    child.stdin.write(plan.stdin);
    if (!serving) child.stdin.end();
    let killing: NodeJS.Timeout | undefined;
    const ended = closed.then(([code, killedBy]): ContainerExit => {
      clearTimeout(killing);
      killGroup(child, 'SIGKILL');
      return { exitCode: code ?? 128 + (killedBy === null ? 0 : constants.signals[killedBy]), oomKilled: false };
    });
    return {
      write: (line) => void child.stdin.write(line),
      ended,
      memoryInUse: () => undefined,
      measure: () => ({ end: () => ({}) }),
      stop: async (graceSeconds) => {
        // Its number may be another process's by now.
        if (child.exitCode !== null || child.signalCode !== null) return void (await ended);
        killGroup(child, 'SIGTERM');
        killing = setTimeout(() => killGroup(child, 'SIGKILL'), graceSeconds * 1000);
        await ended;
      },
    };
  }

  find(): Promise<FoundContainer[]> {
    return Promise.resolve([]);
  }

  remove(): Promise<void> {
    return Promise.resolve();
  }

  /** There is no engine here that could fail. */
  onFault(): void {}

  probe(): Promise<void> {
    return Promise.resolve();
  }
}

/** Signals the process and all that it started; a group that is gone is what was wanted. */
function killGroup(child: ChildProcessWithoutNullStreams, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
