import { CHAOS_NODE_TYPES, type ChaosNodeType } from '../pipelines/chaos-node-types.js';
import { seededDraws, type Draws } from './seeded-draws.js';

/** What a task of the test pipelines is to do; all that it makes follows from it. */
export interface Work {
  /** Names the contents of its files. */
  seed: string;
  /** How long it works, milliseconds. */
  ms: number;
  files: number;
  /** Of each file. */
  bytes: number;
  /** Ends with an error of its own instead of a take. */
  fails: boolean;
}

/** One task that an editor asks for. */
export interface PlannedTask {
  requestId: string;
  nodeId: string;
  nodeType: ChaosNodeType;
  work: Work;
  priority: 'high' | 'normal' | 'low';
  /** The editor cancels it so long after its acknowledgement, milliseconds. */
  cancelAfterMs?: number;
  /** The editor asks again by the same request id after the acknowledgement: over its own connection, or as a newcomer elsewhere. */
  repeats?: 'here' | 'elsewhere';
}

/** One message of an editor: a task, or a batch of several. */
export interface PlannedRequest {
  /** From the start of the run, milliseconds. */
  atMs: number;
  editor: number;
  project: number;
  batchId?: string;
  tasks: readonly PlannedTask[];
}

/** An editor goes away and comes back. */
export interface PlannedLeave {
  atMs: number;
  editor: number;
  awayMs: number;
}

export interface ClientPlan {
  requests: readonly PlannedRequest[];
  leaves: readonly PlannedLeave[];
}

/** Enough for 1,000 tasks in ten minutes (issue), with some to spare. */
export const TASKS_PER_MINUTE = 106;

const BATCH_SHARE = 0.12;
const CANCEL_SHARE = 0.1;
const FAIL_SHARE = 0.06;
const REPEAT_SHARE = 0.12;
const JOB_SHARE = 0.08;
/** An editor leaves so often, times a minute. */
const LEAVES_PER_MINUTE = 2;

/** What the editors do, and when. Pure: the same numbers give the same plan. */
export function planRequests(seed: number, minutes: number, { editors, projects }: { editors: number; projects: number }): ClientPlan {
  const draws = seededDraws(seed, 'requests');
  const durationMs = minutes * 60_000;
  const most = Math.round(minutes * TASKS_PER_MINUTE);
  const requests: PlannedRequest[] = [];
  for (let tasks = 0; tasks < most; ) {
    const size = draws.chance(BATCH_SHARE) ? Math.min(draws.whole(2, 5), most - tasks) : 1;
    const first = tasks;
    const items = Array.from({ length: size }, (_, index) => planTask(seed, first + index, draws));
    tasks += size;
    requests.push({
      atMs: Math.round(draws.between(0, durationMs)), editor: draws.whole(0, editors - 1), project: draws.whole(0, projects - 1),
      ...(size > 1 ? { batchId: `batch-${seed}-${first}` } : {}), tasks: items,
    });
  }
  const leaves = Array.from({ length: Math.round(minutes * LEAVES_PER_MINUTE * editors) }, () => ({
    atMs: Math.round(draws.between(0, durationMs)), editor: draws.whole(0, editors - 1), awayMs: Math.round(draws.chance(0.3) ? draws.between(2000, 8000) : draws.between(0, 1000)),
  }));
  return { requests: requests.sort((a, b) => a.atMs - b.atMs), leaves: leaves.sort((a, b) => a.atMs - b.atMs) };
}

function planTask(seed: number, number: number, draws: Draws): PlannedTask {
  const cancelAfterMs = draws.chance(CANCEL_SHARE) ? Math.round(draws.between(0, 3000)) : undefined;
  const repeats = draws.chance(REPEAT_SHARE) ? draws.pick(['here', 'elsewhere'] as const) : undefined;
  return {
    requestId: `request-${seed}-${number}`,
    // Fewer nodes than tasks: takes of one node lie side by side.
    nodeId: `node-${draws.whole(1, 12)}`,
    nodeType: draws.chance(JOB_SHARE) ? CHAOS_NODE_TYPES.job : draws.pick([CHAOS_NODE_TYPES.server, CHAOS_NODE_TYPES.shared]),
    work: { seed: `${seed}-${number}`, ms: planMs(draws), files: draws.whole(1, 4), bytes: draws.whole(1, 40_000), fails: draws.chance(FAIL_SHARE) },
    priority: draws.pick(['high', 'normal', 'normal', 'low'] as const),
    ...(cancelAfterMs === undefined ? {} : { cancelAfterMs }),
    ...(repeats === undefined ? {} : { repeats }),
  };
}

/** Most work is short; some is long enough to meet several faults. Mean about 0.9 s. */
function planMs(draws: Draws): number {
  const [low, high] = draws.chance(0.75) ? [200, 700] : draws.chance(0.75) ? [700, 2500] : [2500, 6000];
  return Math.round(draws.between(low, high));
}
