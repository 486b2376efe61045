import { QUALITY_TIERS, type QualityTier } from '@function-runner/pipeline-schema';
import { describeWait, estimateWaits, schedule, type ClusterState, type RunningTask, type WaitingLine, type WaitingTask, type WaitReason } from '@function-runner/scheduling';
import { noneWaiting, type WaitingCounts } from './waiting-counts.js';
import type { Standing } from './worth-telling.js';

export interface StandingTask extends Standing {
  task: WaitingTask;
}

export interface Standings {
  /** In order, tier by tier. */
  tasks: readonly StandingTask[];
  counts: WaitingCounts;
}

export interface StandingFacts {
  line: WaitingLine;
  cluster: ClusterState;
  running: readonly RunningTask[];
  durationOf: (pipelineId: string, tier: QualityTier) => number | undefined;
  /** Tasks of a tier, from the front, that are looked at; those behind them stay where they were told that they are. */
  most: number;
}

/** Where each task stands: its place, when it may start, and why it waits. Pure. */
export function standingsOf({ line, cluster, running, durationOf, most }: StandingFacts): Standings {
  const { starts, reasonFor } = schedule(line, cluster, { most: Number.POSITIVE_INFINITY });
  const started = new Set(starts.map(({ task }) => task.taskId));
  const reasonOf = (task: WaitingTask): WaitReason => (started.has(task.taskId) ? { kind: 'next' } : reasonFor(task));
  const starting = estimateWaits({ order: line.inOrder({ limit: most }), running, cluster, durationOf });
  const sentences = new Map<WaitReason, string>();
  const tasks: StandingTask[] = [];
  for (const tier of QUALITY_TIERS) {
    if (line.sizeOf(tier) === 0) continue;
    for (const [index, task] of line.inOrder({ tier, limit: most }).entries()) {
      const reason = reasonOf(task);
      let step = sentences.get(reason);
      if (step === undefined) sentences.set(reason, (step = describeWait(reason)));
      tasks.push({ task, position: index + 1, etaSeconds: starting.get(task.taskId), step });
    }
  }
  return { tasks, counts: countReasons(line, started, reasonFor) };
}

/** Tasks of one group wait for the same reason, those apart that would start now. */
function countReasons(line: WaitingLine, started: ReadonlySet<string>, reasonFor: (task: WaitingTask) => WaitReason): WaitingCounts {
  const counts = noneWaiting();
  for (const group of line.groups()) {
    const of = counts[group.tier];
    let next = 0;
    let head = group.at(next);
    while (head !== undefined && started.has(head.taskId)) head = group.at((next += 1));
    of.next += next;
    if (head !== undefined) of[reasonFor(head).kind] += group.size - next;
  }
  return counts;
}
