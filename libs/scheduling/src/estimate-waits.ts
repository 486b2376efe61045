import { QUALITY_TIERS, type QualityTier } from '@function-runner/pipeline-schema';
import type { ClusterState } from './cluster-state.js';
import { demandKey } from './demand-key.js';
import { MinHeap } from './min-heap.js';
import type { ResourceDemand } from './resource-demand.js';
import { slotsOf } from './slots-of.js';
import type { WaitingTask } from './waiting-task.js';

/** A task that runs now. */
export interface RunningTask {
  tier: QualityTier;
  demand: ResourceDemand;
  /** How long it will still run, seconds; undefined where nobody knows. */
  remainingSeconds: number | undefined;
}

export interface EstimateFacts {
  /** Those that wait, in the order in which they will be taken. */
  order: readonly WaitingTask[];
  running: readonly RunningTask[];
  cluster: ClusterState;
  /** How long such a task takes, seconds, from what was measured; undefined where nothing was. */
  durationOf: (pipelineId: string, tier: QualityTier) => number | undefined;
}

/**
 * Estimates when the tasks that wait will start: seconds from now, by task id; one without an estimate is not in it.
 *
 * Plays the line through, one end of a task after another, and starts what is first in order and has a place. Simplified:
 * a place is one of the tier, one of as many as the cluster could run of that demand if nothing else ran, and its part of
 * the memory of all devices (or of the cores and memory of all hosts) taken together, so what is lost to fragments, to
 * reservations and to what is kept warm is not seen; nothing new comes; what runs longer than thought has just ended.
 * A task of unknown length never ends: what has to wait for its place has no estimate.
 *
 * Takes time in proportion to tasks × log of what runs at once, times the kinds (tier and demand) that wait.
 */
export function estimateWaits({ order, running, cluster, durationOf }: EstimateFacts): ReadonlyMap<string, number> {
  const places = new Places(cluster);
  const ends = new MinHeap<End>((a, b) => a.at < b.at);
  const run = (tier: QualityTier, kind: Kind, until: number): void => {
    places.take(tier, kind, 1);
    ends.push({ at: until, tier, kind });
  };
  for (const { tier, demand, remainingSeconds } of running) run(tier, places.kindOf(demand), Math.max(0, remainingSeconds ?? Number.POSITIVE_INFINITY));

  const starts = new Map<string, number>();
  const lanes = lanesOf(order, places);
  for (let now = 0; ; ) {
    const lane = firstToGo(lanes, places);
    const next = lane?.tasks[lane.gone];
    if (lane === undefined || next === undefined) {
      const end = ends.pop();
      if (end === undefined || end.at === Number.POSITIVE_INFINITY) return starts;
      places.take(end.tier, end.kind, -1);
      now = end.at;
      continue;
    }
    starts.set(next.task.taskId, now);
    lane.gone += 1;
    run(lane.tier, lane.kind, now + (durationOf(next.task.pipelineId, lane.tier) ?? Number.POSITIVE_INFINITY));
  }
}

interface End {
  at: number;
  tier: QualityTier;
  kind: Kind;
}

/** A demand, and how many of it could run now. */
interface Kind {
  demand: ResourceDemand;
  slots: number;
}

/** Tasks of one tier and demand: if the first of them has no place, none has. */
interface Lane {
  tier: QualityTier;
  kind: Kind;
  tasks: { task: WaitingTask; place: number }[];
  gone: number;
}

function lanesOf(order: readonly WaitingTask[], places: Places): readonly Lane[] {
  const lanes = new Map<string, Lane>();
  for (const [place, task] of order.entries()) {
    const key = `${task.tier} ${demandKey(task.demand)}`;
    let lane = lanes.get(key);
    if (lane === undefined) lanes.set(key, (lane = { tier: task.tier, kind: places.kindOf(task.demand), tasks: [], gone: 0 }));
    lane.tasks.push({ task, place });
  }
  return [...lanes.values()];
}

function firstToGo(lanes: readonly Lane[], places: Places): Lane | undefined {
  let first: Lane | undefined;
  let firstPlace = Number.POSITIVE_INFINITY;
  for (const lane of lanes) {
    const place = lane.tasks[lane.gone]?.place;
    if (place === undefined || place >= firstPlace || !places.fits(lane.tier, lane.kind)) continue;
    first = lane;
    firstPlace = place;
  }
  return first;
}

/** What is free, all hosts taken together. Owns the count of it as tasks start and end. */
class Places {
  private readonly left: Record<QualityTier, number> = { low: 0, standard: 0, high: 0, premium: 0 };
  private readonly kinds = new Map<string, Kind>();
  private vram = 0;
  private cores = 0;
  private memory = 0;
  /** Of one host: more a task does not get. */
  private readonly mostCores: number;

  constructor(private readonly cluster: ClusterState) {
    this.mostCores = Math.max(0, ...cluster.hosts.map(({ cpu }) => cpu.total));
    for (const tier of QUALITY_TIERS) this.left[tier] = cluster.tiers[tier].limit;
    for (const { devices, cpu, memory } of cluster.hosts) {
      for (const { total } of devices) this.vram += total;
      this.cores += cpu.total;
      this.memory += memory.total;
    }
  }

  kindOf(demand: ResourceDemand): Kind {
    const key = demandKey(demand);
    let kind = this.kinds.get(key);
    if (kind === undefined) this.kinds.set(key, (kind = { demand, slots: slotsOf(demand, this.cluster.hosts) }));
    return kind;
  }

  fits(tier: QualityTier, { demand, slots }: Kind): boolean {
    const { gpus, vramBytes, cpuMillis, memoryBytes } = demand;
    return this.left[tier] > 0 && slots > 0 && this.vram >= gpus * vramBytes && this.memory >= memoryBytes && this.cores >= Math.min(cpuMillis, this.mostCores);
  }

  /** One starts (1) or ends (-1). */
  take(tier: QualityTier, kind: Kind, count: 1 | -1): void {
    const { gpus, vramBytes, cpuMillis, memoryBytes } = kind.demand;
    this.left[tier] -= count;
    kind.slots -= count;
    this.vram -= count * gpus * vramBytes;
    this.memory -= count * memoryBytes;
    this.cores -= count * Math.min(cpuMillis, this.mostCores);
  }
}
