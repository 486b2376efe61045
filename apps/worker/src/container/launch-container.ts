/**
 * Starts a container of Docker's and hands over the connections to it. Keeps nothing; where it fails, no container is left
 * that runs, or an EngineFault says that one may.
 */
import type { Duplex } from 'node:stream';
import type { Logger } from '../logging/logger.js';
import type { ContainerListener } from './container-engine.port.js';
import { LABEL } from './container-labels.js';
import type { ContainerPlan } from './container-plan.js';
import { dockerCreateBody } from './docker-create-body.js';
import type { DockerDaemon } from './docker-daemon.adapter.js';
import { DockerFrames } from './docker-frames.js';
import { EngineFault } from './engine-fault.js';
import { HeardOutput } from './heard-output.js';
import { InitWords } from './init-words.js';

/** A container that runs, or has run, and the connections to it. */
export interface LaunchedContainer {
  id: string;
  /** Its stdin to write to; its output is read from here already. */
  stream: Duplex;
  /** What it has printed so far. */
  heard: HeardOutput;
  /** What it printed first, for what its init says. */
  firstWords: InitWords;
  /** Settles when no more output comes by the stream: whether the stream ended, rather than broke. */
  output: Promise<boolean>;
  /** The code that it exits with; undefined where the daemon went away before it could say. */
  exit: Promise<number | undefined>;
  /** Ends the connections. */
  disconnect: () => void;
}

/**
 * Creates, attaches, waits and starts, in this order: an attach after the start loses output, and a wait after it can miss the exit.
 * @throws TaskError | EngineFault | what `listener.created` throws
 */
export async function launchContainer(daemon: DockerDaemon, plan: ContainerPlan, listener: ContainerListener, logger: Logger): Promise<LaunchedContainer> {
  const id = await createOnce(daemon, plan, logger);
  const waiting = new AbortController();
  let stream: Duplex | undefined;
  let mayRun = false;
  try {
    const firstWords = new InitWords();
    const heard = new HeardOutput({
      stdout: (chunk) => listener.stdout(chunk),
      stderr: (chunk) => {
        firstWords.hear(chunk);
        listener.stderr(chunk);
      },
    });
    stream = await daemon.attach(id);
    const output = hear(stream, heard);
    let isCut = false;
    void output.then(() => (isCut = true));
    const { code: exit } = await daemon.nextExit(id, waiting.signal);
    await listener.created?.();
    // It would find its stdin at an end, and fail for want of a task.
    if (isCut) throw new EngineFault('unreachable', 'the connection to a container was cut before it was started');
    mayRun = true;
    await daemon.start(id, plan.image);
    const connection = stream;
    return {
      id, stream, heard, firstWords, output, exit,
      disconnect: () => {
        waiting.abort();
        connection.destroy();
      },
    };
  } catch (error) {
    waiting.abort();
    stream?.destroy();
    const isGone = await daemon.remove(id).then(() => true, (fault: unknown) => {
      logger.warn({ err: fault, container: id }, 'a container that could not be started could not be removed either');
      return false;
    });
    throw error instanceof EngineFault ? error.with({ mayStillRun: mayRun && !isGone }) : error;
  }
}

/** Creates the container, once more where the answer was lost: what came of it then is found by its name, and removed. It never ran. */
async function createOnce(daemon: DockerDaemon, plan: ContainerPlan, logger: Logger): Promise<string> {
  const body = dockerCreateBody(plan);
  try {
    return await daemon.create(body);
  } catch (error) {
    if (!(error instanceof EngineFault) || error.kind === 'no-space') throw error;
    const made = await daemon.list([`${LABEL.install}=${plan.labels[LABEL.install] ?? ''}`], plan.name).catch(() => {
      throw error;
    });
    logger.warn({ err: error, found: made.length }, 'a container was asked for and the answer was lost; it is made anew');
    for (const { id } of made) await daemon.remove(id);
    return daemon.create(body);
  }
}

/** Settles when the stream has ended: whether it did so in good order. */
function hear(stream: Duplex, heard: HeardOutput): Promise<boolean> {
  const frames = new DockerFrames(heard);
  stream.on('data', (chunk: Buffer) => frames.push(chunk));
  return new Promise((resolve) => {
    stream.once('end', () => resolve(true));
    // As often as it comes: a write to a broken stream, to a container that is gone, is nobody's failure.
    stream.on('error', () => resolve(false));
    stream.once('close', () => resolve(false));
  });
}
