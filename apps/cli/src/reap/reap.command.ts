import { execFile } from 'node:child_process';
import { alignColumns } from '../terminal/align-columns.js';
import type { Terminal } from '../terminal/terminal.js';

/** A thing without an owner, as the worker's program tells of it. */
interface OwnerlessThing {
  kind: 'container' | 'folder';
  name: string;
  why: string;
  taskId: string;
  attempt: number;
  workerId: string;
  ageMs: number;
  fault?: string;
}

/** What the reasons mean. One that is missing here is shown as it is. */
const WHY: Readonly<Record<string, string>> = {
  'task-unknown': 'its task is unknown',
  'task-ended': 'its task has ended',
  'task-waits': 'its task waits for another attempt',
  'other-attempt': 'its task is at another attempt',
  'worker-dead': 'its worker is dead',
  'lease-over': 'its worker has let go of what it runs on',
  'container-gone': 'its container is gone',
};

/** Docker's own short form of an id. */
const SHORT_ID = 12;

/** Longest list that is read, bytes. */
const LONGEST_LIST = 64 * 1024 * 1024;

/**
 * `runner reap`: removes the containers and folders of this installation that nobody owns, as every worker does by itself;
 * dry: only says what it would remove. Runs the worker's own program, on the environment that a worker would have.
 * @returns whether it could be told for sure, and all of it removed.
 */
export async function reap(program: string, dryRun: boolean, terminal: Terminal): Promise<boolean> {
  const { status, out, err } = await run(program, dryRun ? ['--dry-run'] : []);
  if (out.trim() === '') {
    terminal.err(`runner: ${err.trim() === '' ? `${program} ended with ${status} and said nothing` : err.trim()}`);
    return false;
  }
  const things = JSON.parse(out) as OwnerlessThing[];
  if (things.length === 0) {
    terminal.out('everything has an owner; there is nothing to remove');
    return status === 0;
  }
  const rows = things.map(({ kind, name, taskId, attempt, workerId, ageMs, why, fault }) => [
    kind === 'container' ? name.slice(0, SHORT_ID) : name, taskId || '-', attempt === 0 ? '-' : String(attempt), workerId || '-', `${Math.round(ageMs / 1000)} s`, WHY[why] ?? why,
    ...(fault === undefined ? [] : [`NOT REMOVED: ${fault}`]),
  ]);
  for (const line of alignColumns([['container', 'task', 'attempt', 'worker', 'age', 'why'], ...rows])) terminal.out(line);
  const removed = things.filter(({ fault }) => fault === undefined).length;
  terminal.out(dryRun ? `would remove ${things.length}` : `removed ${removed} of ${things.length}`);
  return status === 0;
}

function run(program: string, args: readonly string[]): Promise<{ status: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], { maxBuffer: LONGEST_LIST }, (error, out, err) => resolve({ status: error === null ? 0 : Number(error.code ?? 1), out, err }));
  });
}
