/**
 * Docker's daemon, through dockerode: the one file that speaks to it, but for kill-containers-of.ts.
 *
 * Owns no state. Must stay true: every question has an end, whatever becomes of the daemon, and what goes wrong is judged
 * once, by `engineFaultOf`; whoever asks gets an EngineFault where it is the daemon's failure and a TaskError where it is not.
 */
import type { Duplex, Readable } from 'node:stream';
import Docker from 'dockerode';
import type { ContainerCreateOptions, ContainerInspectInfo, ContainerStats } from 'dockerode';
import { LABEL } from './container-labels.js';
import type { Machine } from './container-engine.port.js';
import { dockerConnection } from './docker-connection.js';
import { EngineFault } from './engine-fault.js';
import { engineFaultOf, statusOf, type EngineQuestion } from './engine-fault-of.js';

/** How long the daemon may take, milliseconds. */
export interface DaemonPatience {
  /** For what it answers from memory: milliseconds where nothing else runs, seconds on a host that is short of CPU. */
  answerMs: number;
  /** For what is work to it: a create takes 50 ms and a start 300 ms on an idle host, a removal up to 10 s where a process is slow to die. */
  workMs: number;
  /** Between two words of a pull that goes on: a large layer is unpacked for minutes, and reported on all the while. */
  pullSilenceMs: number;
}

export const DAEMON_PATIENCE: DaemonPatience = { answerMs: 10_000, workMs: 30_000, pullSilenceMs: 300_000 };

/** What the daemon says of a container that was to be killed for its removal and needed no killing any more. */
const ENDED_MEANWHILE = /cannot remove .* is not running/;

/** What the daemon knows of a container. */
export interface ContainerState {
  running: boolean;
  exitCode: number;
  oomKilled: boolean;
}

/** A container in a list. */
interface ListedContainer {
  id: string;
  labels: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch, to the second. */
  createdAt: number;
}

/** dockerode takes options here as everywhere; its types know of none. */
interface AbortableQuestions {
  version(options: { abortSignal: AbortSignal }): Promise<Docker.DockerVersion>;
  info(options: { abortSignal: AbortSignal }): Promise<{ ID: string; Name: string; NCPU: number; MemTotal: number }>;
}

export class DockerDaemon {
  private readonly docker: Docker & AbortableQuestions;

  constructor(
    dockerHost: string | undefined,
    private readonly onFault: (fault: EngineFault) => void = () => undefined,
    private readonly patience: DaemonPatience = DAEMON_PATIENCE,
  ) {
    // A connection for each question: one that was kept open still answers when the daemon takes no new ones, as while it goes
    // down and ends its containers; an answer must mean that it is not.
    this.docker = new Docker({ ...dockerConnection(dockerHost), headers: { Connection: 'close' } });
  }

  async version(): Promise<string> {
    const { Version } = await this.ask('ping', (abortSignal) => this.docker.version({ abortSignal }));
    return Version;
  }

  async machine(): Promise<Machine> {
    const info = await this.ask('ping', (abortSignal) => this.docker.info({ abortSignal }));
    return { id: info.ID, name: info.Name, cores: info.NCPU, memoryBytes: info.MemTotal };
  }

  async hasImage(image: string): Promise<boolean> {
    return this.ask('image', () => this.docker.getImage(image).inspect().then(() => true, unless([404], false)));
  }

  /** @throws TaskError IMAGE_NOT_AVAILABLE | EngineFault | the reason of the signal */
  async pull(image: string, signal: AbortSignal): Promise<void> {
    const silence = new AbortController();
    // From the question on: a daemon that hangs gives not even the beginning of an answer.
    const silent = setTimeout(() => silence.abort(new DOMException('no word of the pull', 'TimeoutError')), this.patience.pullSilenceMs);
    try {
      const stream = (await this.docker.pull(image, { abortSignal: AbortSignal.any([signal, silence.signal]) })) as Readable;
      await new Promise<void>((resolve, reject) => {
        this.docker.modem.followProgress(stream, (error: Error | null) => {
          if (error) reject(error);
          else resolve();
        }, () => silent.refresh());
      });
    } catch (error) {
      signal.throwIfAborted();
      throw this.judged('pull', silence.signal.aborted ? silence.signal.reason : error, image);
    } finally {
      clearTimeout(silent);
    }
  }

  /** Makes an internal network; one of that name that is there already is fine. */
  async ensureNetwork(name: string, labels: Record<string, string>): Promise<void> {
    await this.ask('network', (abortSignal) => this.docker.createNetwork({ Name: name, Internal: true, CheckDuplicate: true, Labels: labels, abortSignal }).then(() => undefined, unless([409], undefined)));
  }

  /** The new container's id. */
  async create(body: ContainerCreateOptions): Promise<string> {
    const { id } = await this.ask('create', (abortSignal) => this.docker.createContainer({ ...body, abortSignal }), { ms: this.patience.workMs, image: body.Image });
    return id;
  }

  async start(id: string, image: string): Promise<void> {
    await this.ask('start', (abortSignal) => this.docker.getContainer(id).start({ abortSignal }), { ms: this.patience.workMs, image });
  }

  /** Its stdin to write to, its stdout and stderr to read, in Docker's frames. */
  async attach(id: string): Promise<Duplex> {
    const stream = await this.ask('attach', (abortSignal) => this.docker.getContainer(id).attach({ stream: true, hijack: true, stdin: true, stdout: true, stderr: true, abortSignal }));
    return stream as Duplex;
  }

  /** Ends its stdin, for a daemon that went away before it had done so. */
  async endStdin(id: string): Promise<void> {
    const stream = (await this.ask('attach', (abortSignal) => this.docker.getContainer(id).attach({ stream: true, hijack: true, stdin: true, stdout: false, stderr: false, abortSignal }))) as Duplex;
    // Where this is cut, the container is heard again, and this is done once more.
    stream.on('error', () => undefined).resume().end();
  }

  /**
   * Its next exit. Settles once the daemon listens for it, and so can miss none, with the code to come: undefined where the daemon
   * goes away before it can say, or the signal aborts.
   */
  async nextExit(id: string, signal: AbortSignal): Promise<{ code: Promise<number | undefined> }> {
    // Not by dockerode's wait(): that one never settles where the connection breaks after the answer has begun.
    const answer = await this.ask('wait', () => this.stream(`/containers/${id}/wait?`, { condition: 'next-exit' }, signal));
    return { code: textOf(answer).then(exitCodeOf) };
  }

  /** How it is; undefined where there is none. */
  async stateOf(id: string): Promise<ContainerState | undefined> {
    const found = await this.inspect(id);
    return found === undefined ? undefined : { running: found.State.Running, exitCode: found.State.ExitCode, oomKilled: found.State.OOMKilled };
  }

  /** What is mounted in it; undefined where there is none. */
  async mountsOf(id: string): Promise<{ source: string; target: string }[] | undefined> {
    return (await this.inspect(id))?.Mounts.map(({ Source, Destination }) => ({ source: Source, target: Destination }));
  }

  /** What it printed, from the beginning, in Docker's frames; it ends when the container has ended, and all of it was given. */
  log(id: string): Promise<Readable> {
    // dockerode types the answer by an older Readable.
    return this.ask('logs', (abortSignal) => this.docker.getContainer(id).logs({ follow: true, stdout: true, stderr: true, abortSignal })) as Promise<Readable>;
  }

  /** Sends a signal; one that has ended, or is gone, is fine. */
  async kill(id: string, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await this.ask('kill', (abortSignal) => this.docker.getContainer(id).kill({ signal, abortSignal }).catch(unless([404, 409], undefined)));
  }

  /** Kills and removes it; one that is gone, or just being removed, is fine. */
  async remove(id: string): Promise<void> {
    await this.ask('remove', (abortSignal) => {
      const removal = (): Promise<unknown> => this.docker.getContainer(id).remove({ force: true, v: true, abortSignal });
      // One that ends just when it is to be killed makes the daemon fail; it is as good as any the next time.
      return removal()
        .catch((error: unknown) => {
          if (statusOf(error) === 500 && ENDED_MEANWHILE.test(String(error))) return removal();
          throw error;
        })
        .catch(unless([404, 409], undefined));
    }, { ms: this.patience.workMs });
  }

  /** Containers that have all these labels (`name=value`), of that name where given. */
  async list(label: string[], name?: string): Promise<ListedContainer[]> {
    const found = await this.ask('list', (abortSignal) => this.docker.listContainers({ all: true, filters: { label, ...(name === undefined ? {} : { name: [`^/${name}$`] }) }, abortSignal }));
    return found.map(({ Id, Labels, Created }) => ({ id: Id, labels: Labels, createdAt: Created * 1000 }));
  }

  stats(id: string): Promise<ContainerStats> {
    return this.ask('inspect', (abortSignal) => {
      const options = { stream: false as const, 'one-shot': true, abortSignal };
      return this.docker.getContainer(id).stats(options);
    });
  }

  /** Makes a container of this image and removes it: whether there is room for one. @throws EngineFault where there is none */
  async tryRoom(image: string, installId: string): Promise<void> {
    const id = await this.create({ Image: image, Cmd: ['never-started'], Labels: { [LABEL.install]: installId }, HostConfig: { NetworkMode: 'none' } });
    await this.remove(id);
  }

  /** An answer as it comes. The modem wants a path that ends with a question mark, and puts the query there. */
  private stream(path: string, options: Record<string, string>, abortSignal: AbortSignal): Promise<Readable> {
    return new Promise((resolve, reject) => {
      this.docker.modem.dial({ path, options, method: 'POST', isStream: true, statusCodes: { 200: true }, abortSignal }, (error: Error | null, answer: unknown) => {
        if (error === null) resolve(answer as Readable);
        else reject(error);
      });
    });
  }

  private inspect(id: string): Promise<ContainerInspectInfo | undefined> {
    return this.ask('inspect', (abortSignal) => this.docker.getContainer(id).inspect({ abortSignal }).catch(unless([404], undefined)));
  }

  /** Asks one question; whatever the daemon does, or dockerode, there is an answer or a fault in the end. */
  private async ask<T>(question: EngineQuestion, call: (abortSignal: AbortSignal) => Promise<T>, { ms = this.patience.answerMs, image = '' }: { ms?: number; image?: string | undefined } = {}): Promise<T> {
    const giveUp = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const over = new DOMException(`no answer within ${ms} ms`, 'TimeoutError');
        reject(over);
        giveUp.abort(over);
      }, ms);
    });
    try {
      return await Promise.race([call(giveUp.signal), late]);
    } catch (error) {
      throw this.judged(question, error, image);
    } finally {
      clearTimeout(timer);
    }
  }

  private judged(question: EngineQuestion, error: unknown, image = ''): Error {
    const judged = engineFaultOf(question, error, image);
    if (judged instanceof EngineFault) this.onFault(judged);
    return judged;
  }
}

/** The whole text of a stream; undefined where it breaks before its end. */
function textOf(stream: Readable): Promise<string | undefined> {
  return new Promise((resolve) => {
    let text = '';
    stream.setEncoding('utf8').on('data', (part: string) => (text += part));
    stream.once('end', () => resolve(text));
    stream.on('error', () => resolve(undefined));
    stream.once('close', () => resolve(undefined));
  });
}

/** The exit code that an answer holds; undefined where it holds none, as of a daemon, or a proxy before it, that ends in the middle of it. */
function exitCodeOf(text: string | undefined): number | undefined {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as { StatusCode: number }).StatusCode;
  } catch {
    return undefined;
  }
}

/** For a rejection: `value` where the daemon answered with one of these states, since that is what was wanted. */
function unless<T>(statuses: readonly number[], value: T): (error: unknown) => T {
  return (error) => {
    if (!statuses.includes(statusOf(error) ?? 0)) throw error;
    return value;
  };
}
