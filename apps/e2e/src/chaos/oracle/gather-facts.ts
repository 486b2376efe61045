/** Looks at a stage from outside after its quiet end: Redis, the apis, the disk, the daemon. Changes nothing. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Queue } from 'bullmq';
import { QUALITY_TIERS } from '@function-runner/pipeline-schema';
import type { TaskSummary } from '@function-runner/progress-protocol';
import { queueName } from '@function-runner/task-contract';
import type { ExpectedFile } from '../pipelines/expected-take.js';
import type { ChaosStage } from '../stage/chaos-stage.js';
import type { FoundTake } from './chaos-facts.js';

/** What nobody has taken up, or not put away. */
const OPEN_JOBS = ['waiting', 'active', 'delayed', 'prioritized', 'waiting-children'] as const;

/** Questions that an api is asked at once. */
const AT_ONCE = 16;

/** What each api says of these tasks, by its title. */
export async function askApis({ apis }: ChaosStage, taskIds: readonly string[]): Promise<Map<string, Map<string, TaskSummary | undefined>>> {
  const answers = new Map<string, Map<string, TaskSummary | undefined>>();
  for (const api of apis) {
    const summaries = new Map<string, TaskSummary | undefined>();
    answers.set(api.title, summaries);
    for (let from = 0; from < taskIds.length; from += AT_ONCE) {
      await Promise.all(taskIds.slice(from, from + AT_ONCE).map(async (taskId) => {
        const response = await fetch(`${api.current.url}/v1/tasks/${taskId}`);
        summaries.set(taskId, response.ok ? ((await response.json()) as TaskSummary) : undefined);
      }));
    }
  }
  return answers;
}

export async function openJobs({ redis }: ChaosStage): Promise<string[]> {
  const found = await Promise.all(QUALITY_TIERS.map(async (tier) => {
    const queue = new Queue(queueName(tier), { connection: redis, skipVersionCheck: true });
    const counted = await Promise.all(OPEN_JOBS.map(async (state) => (await queue.getJobs([state])).map((job) => `${state} ${queue.name}/${job.id}`)));
    await queue.close();
    return counted.flat();
  }));
  return found.flat();
}

/** Every take on the disk, and what lies in the outputs beside them. */
export async function lookAtDisk({ stack: { workspaceRoot } }: ChaosStage): Promise<{ takes: FoundTake[]; strays: string[] }> {
  const takes: FoundTake[] = [];
  const strays: string[] = [];
  for (const projectName of (await names(workspaceRoot)).filter((name) => name !== 'Library')) {
    const outputs = join(workspaceRoot, projectName, 'outputs');
    for (const name of (await names(outputs)).filter((other) => other !== 'renders')) strays.push(`${projectName}/outputs/${name}: ${(await names(join(outputs, name))).join(', ')}`);
    for (const nodeId of await names(join(outputs, 'renders'))) {
      for (const taskId of await names(join(outputs, 'renders', nodeId))) takes.push({ projectName, nodeId, taskId, files: await filesIn(join(outputs, 'renders', nodeId, taskId)) });
    }
  }
  return { takes, strays };
}

async function filesIn(folder: string): Promise<ExpectedFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return Promise.all(entries.filter((entry) => !entry.isDirectory()).map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    const data = await readFile(path);
    return { path: path.slice(folder.length + 1), bytes: data.length, sha256: createHash('sha256').update(data).digest('hex') };
  }));
}

async function names(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw error;
  });
}
