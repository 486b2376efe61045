import type { AskedTask } from '../clients/asked-task.js';
import { expectedTake, type ExpectedFile } from '../pipelines/expected-take.js';
import type { ChaosFacts } from './chaos-facts.js';
import type { Violation } from './violation.js';

/** A completed task has one take, whole and as told; any other has none; nothing else lies beside them. Pure. */
export function judgeTakes({ asked, logs, takes, strays }: Pick<ChaosFacts, 'asked' | 'logs' | 'takes' | 'strays'>): Violation[] {
  const violations: Violation[] = strays.map((stray) => ({ rule: 'takes', text: `left in the outputs: ${stray}` }));
  for (const [taskId, events] of logs) {
    const end = events.at(-1);
    const found = takes.filter((take) => take.taskId === taskId);
    const say = (text: string): void => void violations.push({ rule: 'takes', taskId, text: `the task ${taskId} ended ${end?.status ?? 'nowhere'} and ${text}` });
    if (end?.status !== 'completed') {
      if (found.length > 0) say(`has a take of ${describe(found[0]?.files ?? [])}`);
      continue;
    }
    const [take, second] = found;
    if (take === undefined) say('has no take');
    else if (second !== undefined) say(`has two takes, one at the node ${second.nodeId}`);
    else {
      const request = requestOf(asked, taskId);
      const wanted = request === undefined ? undefined : describe(expectedTake(request.planned.work));
      const told = describe(end.result.outputs);
      const onDisk = describe(take.files);
      if (onDisk !== wanted) say(`its take is ${onDisk} where ${wanted ?? 'nothing'} was asked for`);
      if (onDisk !== told) say(`its take is ${onDisk} where ${told} was told`);
      const place = `/workspace/${take.projectName}/outputs/renders/${take.nodeId}/${taskId}`;
      if (end.result.outputPath !== place) say(`its take lies in ${place}, not in ${end.result.outputPath}`);
    }
  }
  for (const take of takes) {
    if (!logs.has(take.taskId)) violations.push({ rule: 'takes', taskId: take.taskId, text: `a take of the task ${take.taskId}, which nobody knows, lies at ${take.projectName}/${take.nodeId}` });
  }
  return violations;
}

function requestOf(asked: readonly AskedTask[], taskId: string): AskedTask | undefined {
  return asked.find(({ acknowledgements }) => acknowledgements.some((acknowledgement) => acknowledgement.taskId === taskId));
}

function describe(files: readonly ExpectedFile[]): string {
  return files.map(({ path, bytes, sha256 }) => `${path} (${bytes} bytes, ${sha256.slice(0, 12)})`).sort().join(', ');
}
