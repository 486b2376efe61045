import { spawn, type ChildProcess } from 'node:child_process';

/** One line of the stdio protocol. */
export interface Line {
  readonly type: string;
  readonly progress?: number;
  readonly step?: string;
  readonly path?: string;
  readonly name?: string;
  readonly value?: number;
  readonly code?: string;
  readonly message?: string;
}

/** The pipeline in server mode, as a runner sees it: a process to write lines to and to read lines from. */
export class ServerProcess {
  readonly pid: number;
  /** Exit code, once it has ended and its output is read. */
  readonly exit: Promise<number | null>;
  /** All that it has printed. */
  readonly lines: Line[] = [];
  private readonly child: ChildProcess;
  private next = 0;
  private wake: () => void = () => undefined;

  constructor(program: string, args: readonly string[], env: Readonly<Record<string, string>>) {
    this.child = spawn(process.execPath, [program, ...args, '--serve'], { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...env } });
    this.pid = this.child.pid ?? 0;
    this.exit = new Promise((resolve) => this.child.on('close', resolve));
    void this.exit.then(() => this.wake());
    let rest = '';
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const parts = (rest + text).split('\n');
      rest = parts.pop() ?? '';
      this.lines.push(...parts.map((part) => JSON.parse(part) as Line));
      this.wake();
    });
  }

  send(line: string | object): void {
    this.child.stdin?.write(`${typeof line === 'string' ? line : JSON.stringify(line)}\n`);
  }

  closeStdin(): void {
    this.child.stdin?.end();
  }

  terminate(): void {
    this.child.kill('SIGTERM');
  }

  /** The lines from where the last call ended to the first that is wanted, which is waited for. */
  async until(wanted: (line: Line) => boolean): Promise<Line[]> {
    for (let at = this.next; ; at++) {
      while (at >= this.lines.length) {
        if (this.child.exitCode !== null) throw new Error(`the server ended with ${this.child.exitCode} before the line came`);
        await new Promise<void>((resolve) => (this.wake = resolve));
      }
      const line = this.lines[at];
      if (!line || !wanted(line)) continue;
      const read = this.lines.slice(this.next, at + 1);
      this.next = at + 1;
      return read;
    }
  }

  /** All lines of one task, its end included. */
  async answer(): Promise<Line[]> {
    return this.until(isEnd);
  }
}

/** Whether a line ends a task. */
export function isEnd({ type }: Line): boolean {
  return type === 'done' || type === 'error';
}
