import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChaosFacts } from '../oracle/chaos-facts.js';
import type { Violation } from '../oracle/violation.js';
import type { ChaosStage } from '../stage/chaos-stage.js';
import { faultLine } from './fault-line.js';

/** Keeps the logs of all processes, and for each violated task its whole story, in a folder of the temporary ones. @returns the folder */
export async function keepEvidence(stage: ChaosStage, facts: ChaosFacts, violations: readonly Violation[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'function-runner-chaos-'));
  const logs = stage.apps.flatMap((app) => app.incarnations.map((process, index) => ({ name: `${app.title}.${index + 1}`, text: process.log })));
  for (const { name, text } of logs) await writeFile(join(folder, `${name}.log`), text);
  const began = Math.min(...facts.faults.map(({ struckAt, atMs }) => struckAt - atMs));
  await writeFile(join(folder, 'faults.txt'), [...facts.faults].sort((a, b) => a.struckAt - b.struckAt).map((fault) => `${new Date(fault.struckAt).toISOString()} ${faultLine(fault, began)}`).join('\n'));
  await writeFile(join(folder, 'violations.txt'), violations.map(({ rule, text }) => `${rule}: ${text}`).join('\n'));
  for (const taskId of new Set(violations.flatMap((violation) => violation.taskId ?? []))) {
    await writeFile(join(folder, `task-${taskId}.txt`), storyOf(taskId, facts, violations, logs));
  }
  return folder;
}

/** All that is known of a task, from its request to what the processes said of it. */
function storyOf(taskId: string, { asked, logs, ears }: ChaosFacts, violations: readonly Violation[], processLogs: readonly { name: string; text: string }[]): string {
  const request = asked.find(({ acknowledgements }) => acknowledgements.some((known) => known.taskId === taskId));
  const lines = processLogs.flatMap(({ name, text }) => text.split('\n').filter((line) => line.includes(taskId)).map((line) => ({ name, line, time: /"time":"?([^",]+)/.exec(line)?.[1] ?? '' })));
  return [
    ...violations.filter((violation) => violation.taskId === taskId).map(({ rule, text }) => `${rule}: ${text}`),
    '', 'request', JSON.stringify(request, undefined, 1),
    '', 'log', ...(logs.get(taskId) ?? []).map((event) => JSON.stringify(event)),
    ...ears.filter(({ stories }) => stories.has(taskId)).flatMap((ear) => ['', ear.name, ...(ear.stories.get(taskId) ?? []).map((event) => JSON.stringify(event))]),
    '', 'processes', ...lines.sort((a, b) => (a.time < b.time ? -1 : 1)).map(({ name, line }) => `${name} ${line}`),
  ].join('\n');
}
