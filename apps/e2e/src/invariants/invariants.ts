/**
 * What must be true after every test, seen from outside: the clients' ears, Redis, the Docker daemon, the disk.
 * The numbers are those at the head of faults.md.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Queue } from 'bullmq';
import { QUALITY_TIERS } from '@function-runner/pipeline-schema';
import type { TaskEvent } from '@function-runner/progress-protocol';
import { queueName } from '@function-runner/task-contract';
import { waitFor } from '@function-runner/testing';
import type { RunnerStack } from '../stack/runner-stack.js';
import { leasesIn } from './leases-in.js';
import { readLogs } from './read-logs.js';
import { checkLog, checkStories, isTerminal } from './story-rules.js';

/** A job is put away, and a container's removal shows, a moment after the task's end is told. */
const SETTLE_MS = 15_000;

/**
 * To be called after each test; the clients of the test are closed.
 * @throws Error naming the invariant that does not hold, and where.
 */
export async function checkInvariants(stack: RunnerStack): Promise<void> {
  const editors = stack.editors.splice(0);
  for (const editor of editors) editor.close();
  const logs = await settledLogs(stack);
  for (const [taskId, events] of logs) checkLog(taskId, events);
  for (const editor of editors) checkStories(editor.heard, logs);
  await waitFor('I4: no container of ours to be left', async () => holds(await stack.containers.present()), SETTLE_MS);
  await waitFor('I6: no job to be active', async () => holds(await activeJobs(stack)), SETTLE_MS);
  await waitFor('I5: nothing to be leased', async () => holds(await leasesIn(stack.redis)), SETTLE_MS);
  await checkWorkspace(stack, logs);
}

/** Every task's event log, once each task has ended. */
async function settledLogs(stack: RunnerStack): Promise<Map<string, TaskEvent[]>> {
  let logs = new Map<string, TaskEvent[]>();
  await waitFor('I1: every task to have ended', async () => {
    logs = await readLogs(stack.redis);
    return holds([...logs].filter(([, events]) => !isTerminal(events.at(-1))).map(([taskId]) => taskId));
  }, SETTLE_MS);
  return logs;
}

async function activeJobs(stack: RunnerStack): Promise<string[]> {
  const active: string[] = [];
  for (const tier of QUALITY_TIERS) {
    const queue = new Queue(queueName(tier), { connection: stack.redis, skipVersionCheck: true });
    active.push(...(await queue.getActive()).map((job) => `${queue.name}/${job.id}`));
    await queue.close();
  }
  return active;
}

/** Nothing of a run is left but its take, a take belongs to a task that succeeded, and such a task has its take. */
async function checkWorkspace(stack: RunnerStack, logs: ReadonlyMap<string, readonly TaskEvent[]>): Promise<void> {
  for (const project of await names(stack.workspaceRoot)) {
    const outputs = join(stack.workspaceRoot, project, 'outputs');
    const left = (await names(outputs)).filter((name) => name !== 'renders');
    if (left.length > 0) throw new Error(`the project ${project} has ${left.join(', ')} left in its outputs: ${(await names(join(outputs, left[0] ?? ''))).join(', ')}`);
    for (const node of await names(join(outputs, 'renders'))) {
      for (const take of await names(join(outputs, 'renders', node))) {
        const end = logs.get(take)?.at(-1);
        if (end !== undefined && end.status !== 'completed') throw new Error(`the task ${take} ended ${end.status} and has a take`);
        if ((await names(join(outputs, 'renders', node, take))).length === 0) throw new Error(`the take ${take} is empty`);
      }
    }
  }
}

/** True for an empty list. @throws Error naming what is in it, so that a wait that fails says what it waited for */
function holds(left: readonly string[]): true {
  if (left.length > 0) throw new Error(`left: ${left.join(', ')}`);
  return true;
}

async function names(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}
