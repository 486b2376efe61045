/**
 * One api or worker under a supervisor: whenever its process has ended, another is started in its place.
 *
 * Owns every process that it started, one at a time. An end that nobody asked for is kept with the end of its log: no
 * fault excuses a process that gives up by itself.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { waitFor } from '@function-runner/testing';
import type { AppName, AppProcess, ProcessEnd } from '../../stack/app-process.js';

/** An end of a process that no fault asked for. */
export interface SelfEnd extends ProcessEnd {
  app: string;
  /** Milliseconds since the epoch. */
  at: number;
  /** Whether it was ready at all. */
  wasReady: boolean;
  logTail: string;
}

/** As a service manager waits before it starts a process anew. */
const RESTART_MS = 300;
const LOG_TAIL = 2500;

/** A successor shows within this time; its start alone takes a second on a busy machine. */
const SUCCESSOR_MS = 60_000;

export class SupervisedApp {
  /** All processes so far, the last is the current one. */
  readonly incarnations: AppProcess[] = [];
  readonly selfEnds: SelfEnd[] = [];
  private readonly asked = new Set<AppProcess>();
  private supervising: Promise<void> | undefined;
  private closing = false;

  constructor(
    readonly name: AppName,
    readonly index: number,
    private readonly spawn: () => Promise<AppProcess>,
  ) {}

  get title(): string {
    return `${this.name}-${this.index + 1}`;
  }

  /** The process of now, or the one that has just ended. */
  get current(): AppProcess {
    const last = this.incarnations.at(-1);
    if (last === undefined) throw new Error(`${this.title} was not started`);
    return last;
  }

  async start(): Promise<void> {
    await this.next();
    this.supervising = this.supervise();
    await this.current.ready();
  }

  /** Ends the process by a signal, and waits for its successor. Sends the signal to a living process only. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<{ pid: number; end: ProcessEnd; successor: number }> {
    const victim = await waitFor(`${this.title} to be alive`, () => (this.current.alive ? this.current : undefined), SUCCESSOR_MS);
    this.asked.add(victim);
    victim.signal(signal);
    const end = await victim.ended;
    const successor = await waitFor(`the successor of ${this.title}`, () => (this.current !== victim && this.current.alive ? this.current : undefined), SUCCESSOR_MS);
    return { pid: victim.pid, end, successor: successor.pid };
  }

  /** Ends it in good order, for good; what still runs after the limit is killed. @returns how it ended, undefined where it did not end by itself */
  async close(): Promise<ProcessEnd | undefined> {
    this.closing = true;
    const { current } = this;
    this.asked.add(current);
    current.signal('SIGCONT');
    try {
      return await current.stop();
    } catch {
      return undefined;
    } finally {
      await this.supervising;
    }
  }

  private async next(): Promise<void> {
    this.incarnations.push(await this.spawn());
  }

  private async supervise(): Promise<void> {
    for (;;) {
      const { current } = this;
      const ready = current.ready().then(() => true, () => false);
      let wasReady = false;
      void ready.then((is) => (wasReady = is));
      const end = await current.ended;
      if (this.closing) return;
      if (!this.asked.has(current)) this.selfEnds.push({ app: this.title, ...end, at: Date.now(), wasReady, logTail: current.log.slice(-LOG_TAIL) });
      await pause(RESTART_MS);
      if (this.closing) return;
      await this.next();
    }
  }
}
