import { readFile } from 'node:fs/promises';

/** A process's state as the kernel has it: `R` running, `S` sleeping, `T` stopped …; undefined where there is none. */
export async function processState(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The name of the program may hold anything; the last parenthesis ends it.
  return text?.slice(text.lastIndexOf(')') + 2, text.lastIndexOf(')') + 3);
}
