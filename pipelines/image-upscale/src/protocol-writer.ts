import { PipelineFailure } from './pipeline-failure.js';

/** What a task tells the runner while it runs. */
export interface TaskEvents {
  /** `progress` is 0–100 and never falls. */
  progress(progress: number, step: string): void;
  preview(mediaType: string, data: Buffer): void;
  /** `path` is relative to the task's output folder. */
  output(path: string, mediaType: string): void;
  metric(name: string, value: number): void;
  log(level: 'info' | 'warn', message: string): void;
}

/** Writes the stdio protocol, version 1: one JSON object a line. One writer a task: progress never falls within it. */
export class ProtocolWriter implements TaskEvents {
  private highest = 0;

  constructor(private readonly write: (line: string) => void) {}

  progress(progress: number, step: string): void {
    this.highest = Math.max(this.highest, Math.round(progress * 10) / 10);
    this.send({ type: 'progress', progress: this.highest, step });
  }

  preview(mediaType: string, data: Buffer): void {
    this.send({ type: 'preview', mediaType, data: data.toString('base64') });
  }

  output(path: string, mediaType: string): void {
    this.send({ type: 'output', path, mediaType });
  }

  metric(name: string, value: number): void {
    this.send({ type: 'metric', name, value });
  }

  log(level: 'info' | 'warn', message: string): void {
    this.send({ type: 'log', level, message });
  }

  /** Server mode: the model is loaded. */
  ready(): void {
    this.send({ type: 'ready' });
  }

  /** The task's end, if it failed; what no module has recognised goes to stderr whole. */
  failed(error: unknown): void {
    const { code, message } = PipelineFailure.from(error);
    if (code === 'INTERNAL') console.error(error);
    this.send({ type: 'error', code, message });
  }

  done(): void {
    this.send({ type: 'done' });
  }

  private send(line: Readonly<Record<string, unknown>>): void {
    this.write(`${JSON.stringify(line)}\n`);
  }
}
