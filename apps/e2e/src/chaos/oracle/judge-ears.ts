import type { TaskEvent } from '@function-runner/progress-protocol';
import type { Ear, HeardEvent } from '../clients/ear.js';
import type { ChaosFacts } from './chaos-facts.js';
import { mayBeForgotten } from './excuses.js';
import type { Violation } from './violation.js';

/** What the ears say: violations, and how many stories a killed Redis excuses. */
export interface EarVerdict {
  violations: Violation[];
  forgotten: number;
}

/** Each ear heard each task from where it began to listen, by one at a time, as it is stored; who listened to the end heard the end. Pure. */
export function judgeEars({ ears, attentive, logs, faults }: Pick<ChaosFacts, 'ears' | 'attentive' | 'logs' | 'faults'>): EarVerdict {
  const violations: Violation[] = [];
  let forgotten = 0;
  for (const ear of ears) {
    for (const [taskId, story] of ear.stories) {
      const log = logs.get(taskId) ?? [];
      const text = faultOf(story, log, ear.begins.get(taskId) ?? firstOf(ear, story), attentive.includes(ear));
      if (text === undefined) continue;
      // A Redis that was killed may have forgotten what was told already: then the story that was told is not the one stored.
      if (story.some((event) => !isStored(event, log) && mayBeForgotten(faults, Date.parse(event.timestamp)))) forgotten += 1;
      else violations.push({ rule: 'heard', taskId, text: `${ear.name} heard the task ${taskId} as ${describe(story)}: ${text}` });
    }
    for (const [taskId, before] of attentive.includes(ear) ? ear.begins : []) {
      const { length } = logs.get(taskId) ?? [];
      if (!ear.stories.has(taskId) && length > before) violations.push({ rule: 'heard', taskId, text: `${ear.name} was shown the task ${taskId} at its seq ${before}, and heard nothing up to its ${length}` });
    }
  }
  return { violations, forgotten };
}

/** An ear with snapshots begins wherever a task that no snapshot had is first told of; any other hears from the beginning. */
function firstOf(ear: Ear, story: readonly HeardEvent[]): number {
  return ear.name.startsWith('watcher') ? (story[0]?.seq ?? 1) - 1 : 0;
}

function faultOf(story: readonly HeardEvent[], log: readonly TaskEvent[], before: number, toTheEnd: boolean): string | undefined {
  const odd = story.find(({ seq }, index) => seq !== before + 1 + index);
  if (odd !== undefined) return `the seq ${before + 1 + story.indexOf(odd)} was due where ${odd.seq} came`;
  const other = story.find((event) => !isStored(event, log));
  if (other !== undefined) return `its event ${other.seq} is stored otherwise: ${JSON.stringify(log[other.seq - 1] ?? null)}`;
  if (toTheEnd && story.length + before < log.length) return `it has not heard the rest, up to ${log.length}`;
  return undefined;
}

function isStored({ seq, status, progress, attempt, timestamp }: HeardEvent, log: readonly TaskEvent[]): boolean {
  const stored = log[seq - 1];
  return stored !== undefined && stored.seq === seq && stored.status === status && stored.progress === progress && stored.attempt === attempt && stored.timestamp === timestamp;
}

function describe(story: readonly HeardEvent[]): string {
  return story.map(({ seq, status, connection }) => `${seq} ${status} (${connection})`).join(', ');
}
