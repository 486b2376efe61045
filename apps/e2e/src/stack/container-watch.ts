import type { Readable } from 'node:stream';
import Docker from 'dockerode';

/** A container's start or end, in the order in which the daemon saw them. */
export interface ContainerEvent {
  action: 'create' | 'start' | 'kill' | 'die' | 'oom' | 'destroy';
  /** Of a `kill`. */
  signal: string | undefined;
  taskId: string;
  attempt: number;
  workerId: string;
  pipelineId: string;
  /** Nanoseconds since the epoch. */
  time: bigint;
}

/** The labels that protocol and operators know our containers by. */
const LABEL = { install: 'function-runner.install', task: 'function-runner.task', attempt: 'function-runner.attempt', worker: 'function-runner.worker', pipeline: 'function-runner.pipeline', serving: 'function-runner.serving' };

const ACTIONS = ['create', 'start', 'kill', 'die', 'oom', 'destroy'];

interface RawEvent {
  Action: string;
  timeNano: number;
  Actor: { Attributes: Record<string, string> };
}

/** Sees what becomes of the containers of one installation by asking the daemon itself. Changes nothing. */
export class ContainerWatch {
  private readonly since = Math.floor(Date.now() / 1000) - 1;

  constructor(
    private readonly installId: string,
    /** The machine's own daemon unless told. */
    private readonly docker = new Docker(),
  ) {}

  /** Containers there are now, running or not, as `task.attempt`, or `<project>/<folder>` of one that serves several. */
  async present(): Promise<string[]> {
    const found = await this.docker.listContainers({ all: true, filters: { label: [`${LABEL.install}=${this.installId}`] } });
    return found.map(({ Labels }) => Labels[LABEL.serving] ?? `${Labels[LABEL.task]}.${Labels[LABEL.attempt]}`);
  }

  /** All that happened since this watch was made, of one task where given. */
  async events(taskId?: string): Promise<ContainerEvent[]> {
    const label = [`${LABEL.install}=${this.installId}`, ...(taskId === undefined ? [] : [`${LABEL.task}=${taskId}`])];
    const stream = await this.docker.getEvents({ since: this.since, until: Math.ceil(Date.now() / 1000), filters: { type: ['container'], label } });
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(Buffer.from(chunk as Buffer));
    return parseEvents(Buffer.concat(chunks).toString());
  }

  /** Hears all that happens from now on: of what is past the daemon remembers the last few hundred events only. */
  async follow(): Promise<{ stop: () => ContainerEvent[] }> {
    const stream = (await this.docker.getEvents({ filters: { type: ['container'], label: [`${LABEL.install}=${this.installId}`] } })) as Readable;
    let text = '';
    stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    return {
      stop: () => {
        stream.destroy();
        return parseEvents(text);
      },
    };
  }

  /** The environment of a task's container. */
  async environment(taskId: string): Promise<Record<string, string>> {
    const [found] = await this.docker.listContainers({ filters: { label: [`${LABEL.install}=${this.installId}`, `${LABEL.task}=${taskId}`] } });
    if (found === undefined) throw new Error(`the task ${taskId} has no container now`);
    const { Config } = await this.docker.getContainer(found.Id).inspect();
    return Object.fromEntries(Config.Env.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]));
  }

  /** The most containers of these tasks that ran at one time, by the daemon's own clock. */
  async mostAtOnce(taskIds: readonly string[]): Promise<number> {
    let running = 0;
    let most = 0;
    for (const { action, taskId } of await this.events()) {
      if (!taskIds.includes(taskId)) continue;
      if (action === 'start') most = Math.max(most, (running += 1));
      else if (action === 'die') running -= 1;
    }
    return most;
  }
}

function parseEvents(text: string): ContainerEvent[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as RawEvent)
    .filter(({ Action }) => ACTIONS.includes(Action))
    .map(({ Action, timeNano, Actor: { Attributes } }) => ({
      action: Action as ContainerEvent['action'],
      signal: Attributes['signal'],
      taskId: Attributes[LABEL.task] ?? '',
      attempt: Number(Attributes[LABEL.attempt] ?? 0),
      workerId: Attributes[LABEL.worker] ?? '',
      pipelineId: Attributes[LABEL.pipeline] ?? '',
      time: BigInt(Math.round(timeNano)),
    }));
}
