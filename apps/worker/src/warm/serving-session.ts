/**
 * One container that serves one task after the other, and the conversation with it.
 *
 * Owns the container from its start to its removal, its folder of outputs and scratch, and the task it is at. Must
 * stay true: one task at a time; a line belongs to the task that is under way when it comes; a container that broke
 * the protocol, did not honour a cancel within its grace, or ended, takes no further task.
 */
import { join } from 'node:path';
import { TaskError } from '@function-runner/task-contract';
import type { ContainerExit, ContainerUsage, ServingContainer, StopSignals } from '../container/container-engine.port.js';
import { EngineFault } from '../container/engine-fault.js';
import { LineSplitter } from '../container/stdio/line-splitter.js';
import { Conversation, type ConversationListener } from '../container/stdio/conversation.js';
import { LogTail } from '../container/stdio/log-tail.js';
import { parseStdioLine } from '../container/stdio/stdio-message.js';
import type { HeldLease } from '../lease/held-lease.js';
import type { ProjectMention } from './recent-projects.js';

/** How a task in a serving container ended: by its own word, or with the container. */
export type TaskEnding = { kind: 'done' } | ({ kind: 'container-gone' } & ContainerEnd);

/** How a container ended: with an exit, or with what went wrong when its exit was waited for. */
export type ContainerEnd = { exit: ContainerExit } | { failure: unknown };

/** What a session needs to know of its container beforehand. */
export interface SessionTerms {
  /** What may be served by it: see {@link servingKey}. */
  key: string;
  /** Host folder of its outputs (`out`) and scratch (`tmp`). */
  folder: string;
  /** What it holds of the host, from its start until it is gone. */
  lease: HeldLease;
  pipelineId: string;
  /** The one project that it may serve; undefined: any. */
  project: ProjectMention | undefined;
  graceSeconds: number;
}

interface CurrentTask {
  taskId: string;
  conversation: Conversation;
  /** Settles the task: it said done or error. */
  finish: () => void;
}

export class ServingSession {
  /** Its tasks so far. */
  served = 0;
  /** When it last ended a task, milliseconds on the monotonic clock. */
  idleSince = performance.now();
  /** The same, milliseconds since the epoch: for others to compare. */
  idleAt = Date.now();
  /** Why it takes no further task; undefined while it does. */
  unfit: string | undefined;
  /** The error that it reported before it was ready. */
  openingError: { code: string; message: string } | undefined;
  /** Memory after its first task, bytes: growth is measured against it. */
  memoryAtFirst: number | undefined;

  private container: ServingContainer | undefined;
  private current: CurrentTask | undefined;
  private gone: ContainerEnd | undefined;
  /** What it prints before it is ready, and between tasks. */
  private readonly log = new LogTail();
  private becomeReady: () => void = () => undefined;
  private readonly becameReady = new Promise<void>((resolve) => (this.becomeReady = resolve));
  private becomeGone: () => void = () => undefined;
  /** Settles when its container is gone. */
  readonly whenGone = new Promise<void>((resolve) => (this.becomeGone = resolve));
  private readonly out = new LineSplitter((line, cut) => this.stdoutLine(line, cut));
  private readonly err = new LineSplitter((line) => (this.current?.conversation.log ?? this.log).add(line));

  constructor(readonly terms: SessionTerms) {}

  /** Host folder for one task's outputs within the container's own. */
  outputFolder(taskId: string, attempt: number): string {
    return join(this.terms.folder, 'out', `${taskId}.${attempt}`);
  }

  get busy(): boolean {
    return this.current !== undefined;
  }

  /** Starts the container and waits until its model is loaded. @throws what starting throws; `container-gone` shows in {@link ended} */
  async open(start: (listener: { started: () => void; stdout: (chunk: Buffer) => void; stderr: (chunk: Buffer) => void }) => Promise<ServingContainer>): Promise<void> {
    this.container = await start({ started: () => undefined, stdout: (chunk) => this.out.push(chunk), stderr: (chunk) => this.err.push(chunk) });
    void this.container.ended.then((exit) => this.onGone({ exit }), (failure: unknown) => this.onGone({ failure }));
    // Stopped while it was being started: there was nothing to stop then.
    if (this.unfit !== undefined) await this.container.stop(0);
    await Promise.race([this.becameReady, this.whenGone]);
  }

  /** Whether it has ended, and what it printed last if nobody was listening. */
  get ended(): { how: ContainerEnd; log: string[] } | undefined {
    return this.gone === undefined ? undefined : { how: this.gone, log: this.log.read() };
  }

  /**
   * Gives it a task and hears it out. An abort of the signal sends a cancel; what is not ended within the grace, or when
   * `atOnce` aborts, is killed. Settles when the task has ended, one way or the other.
   */
  async serve(taskId: string, line: string, listener: ConversationListener, { signal, atOnce }: StopSignals): Promise<{ conversation: Conversation; ending: TaskEnding; usage: ContainerUsage }> {
    const conversation = new Conversation(listener);
    let saidSo = false;
    const finished = new Promise<void>((resolve) => {
      this.current = {
        taskId, conversation,
        finish: () => {
          saidSo = true;
          // What follows in the same breath is nobody's.
          this.current = undefined;
          resolve();
        },
      };
    });
    const measurement = this.container?.measure();
    let grace: NodeJS.Timeout | undefined;
    const cancel = (): void => {
      this.container?.write(`${JSON.stringify({ type: 'cancel', taskId })}\n`);
      grace = setTimeout(() => {
        this.unfit = 'a cancel was not honoured within its grace';
        void this.stop(0);
      }, this.terms.graceSeconds * 1000);
    };
    const kill = (): void => {
      this.unfit = 'its task was stopped at once';
      void this.stop(0);
    };
    try {
      if (this.gone === undefined) this.container?.write(line);
      if (signal.aborted) cancel();
      else signal.addEventListener('abort', cancel, { once: true });
      if (atOnce.aborted) kill();
      else atOnce.addEventListener('abort', kill, { once: true });
      await Promise.race([finished, this.whenGone]);
      const usage = measurement?.end() ?? {};
      // Its own word counts, even where the container ended right after it.
      return { conversation, usage, ending: saidSo || this.gone === undefined ? { kind: 'done' } : { kind: 'container-gone', ...this.gone } };
    } finally {
      signal.removeEventListener('abort', cancel);
      atOnce.removeEventListener('abort', kill);
      clearTimeout(grace);
      if (conversation.violation !== undefined) this.unfit = conversation.violation;
      this.current = undefined;
      this.served += 1;
      this.rest();
    }
  }

  /** It waits for a task from now on. */
  rest(): void {
    this.idleSince = performance.now();
    this.idleAt = Date.now();
  }

  /** Memory in use as last seen, bytes; undefined where it has not been measured. */
  get memoryInUse(): number | undefined {
    return this.gone === undefined ? this.container?.memoryInUse() : undefined;
  }

  /** Ends the container. Settles when it is gone, as far as can be told: see {@link isGone}. */
  async stop(graceSeconds = this.terms.graceSeconds): Promise<void> {
    this.unfit ??= 'it was stopped';
    await this.container?.stop(graceSeconds);
  }

  /** Whether it is known to have no container, or none any more; not so where the engine failed while its end was waited for. */
  get isGone(): boolean {
    if (this.container === undefined) return true;
    if (this.gone === undefined) return false;
    if ('exit' in this.gone) return true;
    // A TaskError is the engine's word of how it ended; an EngineFault knows whether it may run still.
    const { failure } = this.gone;
    return failure instanceof TaskError || (failure instanceof EngineFault && !failure.mayStillRun);
  }

  private onGone(how: ContainerEnd): void {
    this.out.end();
    this.err.end();
    this.gone = how;
    this.unfit ??= 'its container ended';
    this.becomeGone();
  }

  private stdoutLine(line: string, cut: boolean): void {
    const message = cut ? undefined : parseStdioLine(line);
    if (message?.type === 'ready') {
      this.becomeReady();
      return;
    }
    const { current } = this;
    if (current === undefined && message?.type === 'error') this.openingError = { code: message.code, message: message.message };
    if (message === undefined || current === undefined) {
      (current?.conversation.log ?? this.log).add(line);
      return;
    }
    current.conversation.hear(message);
    if (message.type === 'done' || message.type === 'error') current.finish();
  }
}
