/**
 * What one container says while it runs: its stdout read as protocol, everything else kept as log.
 *
 * Owns the two line splitters, the log tail and the facts collected so far, of one run. Memory is bounded by the
 * limits below whatever the container prints. The reporter hears of progress and previews as they come.
 */
import { LineSplitter } from './line-splitter.js';
import { LogTail } from './log-tail.js';
import { parseStdioLine, type StdioMessage } from './stdio-message.js';

/** Hears what a pipeline reports while it runs. */
export interface ConversationListener {
  progress(progress: number, step: string | undefined): void;
  preview(preview: Extract<StdioMessage, { type: 'preview' }>): void;
}

/** An output that a pipeline announced. */
export interface AnnouncedOutput {
  path: string;
  mediaType: string | undefined;
}

/** Outputs and metrics that a run may announce; a flood beyond is the pipeline's fault. */
const MAX_OUTPUTS = 10_000;
const MAX_METRICS = 64;

export class Conversation {
  readonly log = new LogTail();
  readonly outputs: AnnouncedOutput[] = [];
  readonly metrics: Record<string, number> = {};
  /** The error that the pipeline reported, the last one. */
  error: { code: string; message: string } | undefined;
  /** What the pipeline did against the protocol; undefined when nothing. */
  violation: string | undefined;

  private readonly out = new LineSplitter((line, cut) => this.stdoutLine(line, cut));
  private readonly err = new LineSplitter((line) => this.log.add(line));

  constructor(private readonly listener: ConversationListener) {}

  stdout(chunk: Buffer): void {
    this.out.push(chunk);
  }

  stderr(chunk: Buffer): void {
    this.err.push(chunk);
  }

  /** Both streams have ended. */
  end(): void {
    this.out.end();
    this.err.end();
  }

  private stdoutLine(line: string, cut: boolean): void {
    const message = cut ? undefined : parseStdioLine(line);
    if (message === undefined) this.log.add(line);
    else this.hear(message);
  }

  /** Takes one message in. A serving container's lines come here one by one, since its stream outlives the task. */
  hear(message: StdioMessage): void {
    switch (message.type) {
      case 'progress':
        this.listener.progress(message.progress, message.step);
        break;
      case 'preview':
        this.listener.preview(message);
        break;
      case 'output':
        if (this.outputs.length < MAX_OUTPUTS) this.outputs.push({ path: message.path, mediaType: message.mediaType });
        else this.violation = `it announced more than ${MAX_OUTPUTS} outputs`;
        break;
      case 'metric':
        if (Object.hasOwn(this.metrics, message.name) || Object.keys(this.metrics).length < MAX_METRICS) this.metrics[message.name] = message.value;
        break;
      case 'log':
        this.log.add(`${message.level}: ${message.message}`);
        break;
      case 'error':
        this.error = { code: message.code, message: message.message };
        this.log.add(`error ${message.code}: ${message.message}`);
        break;
      case 'done':
      case 'ready':
        break;
    }
  }
}
