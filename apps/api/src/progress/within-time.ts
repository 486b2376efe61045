import { TaskError } from '@function-runner/task-contract';

/** Longest wait for Redis that a request needs: as long as any command may take, milliseconds. */
const LIMIT_MS = 1_000;

/** What `work` gives. The work itself is not stopped. @throws TaskError UNAVAILABLE when it takes longer than a request may wait for Redis */
export async function withinTime<T>(work: Promise<T>, limitMs = LIMIT_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new TaskError('UNAVAILABLE', 'Redis cannot take the request now; try again in a moment')), limitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
