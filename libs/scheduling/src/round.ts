import { QUALITY_TIERS, type QualityTier } from '@function-runner/pipeline-schema';
import type { ClusterState, HostState } from './cluster-state.js';
import type { DemandKind } from './demand-kind.js';
import { findPlace, type Fit } from './find-place.js';
import { reservingTasks } from './host-capacity.js';
import { occupy, reserve } from './occupy.js';
import { place } from './place.js';
import type { Placed } from './placement.js';
import { chooseReservation, type Reservation } from './reservation.js';
import type { ResourceDemand } from './resource-demand.js';
import { Room } from './room.js';
import type { WaitReason } from './wait-reason.js';
import type { WaitingGroup } from './waiting-group.js';
import type { WaitingLine } from './waiting-line.js';
import type { WaitingProject } from './waiting-project.js';
import type { WaitingTask } from './waiting-task.js';
import { WarmIndex } from './warm-index.js';

/** Whether a task can run on a host at all: whether its workers know the pipeline, say. Asked of a group's head, and counts for its group. */
export type CanUse = (task: WaitingTask, hostId: string) => boolean;

/** Part of the devices, and of the hosts, that may be reserved at a time, but one of each in any case. What is reserved stands idle in part until enough of it is free; a quarter bounds the loss, and big tasks still get their turn one after another. */
const RESERVED_SHARE = 1 / 4;

/**
 * One decision's working copy of the cluster.
 *
 * Owns what is free after the starts so far. Must stay true: what is free only shrinks, so what did not go once does not
 * go later.
 */
export class Round {
  private hosts: readonly HostState[];
  private readonly left: Record<QualityTier, number>;
  /** What all of them have, and what those have that some task can use, by their names; as they are now. */
  private everywhere: Room | undefined;
  private readonly rooms = new Map<string, Room>();
  private warmthEverywhere: WarmIndex | undefined;
  /** Tasks that have something reserved: they may have a place where their equals have none. */
  private readonly reserving: Set<string>;
  /** Those of them that may have a place for that reason. */
  private readonly ready = new Set<string>();
  /** Groups whose head turned out to have no place. */
  private readonly stuck = new Set<WaitingGroup>();

  constructor(
    private readonly cluster: ClusterState,
    private readonly canUse: CanUse | undefined,
    private readonly fit: Fit = 'best',
  ) {
    this.hosts = cluster.hosts;
    const { low, standard, high, premium } = cluster.tiers;
    this.left = { low: low.limit - low.running, standard: standard.limit - standard.running, high: high.limit - high.running, premium: premium.limit - premium.running };
    this.reserving = reservingTasks(cluster.hosts);
  }

  isFull(tier: QualityTier): boolean {
    return this.left[tier] <= 0;
  }

  /**
   * Keeps for tasks that were passed over so often what will fit them soonest: first what is kept for them already, then
   * for others in order, as long as it is not too much in all. One that has a place now needs nothing kept, unless it is
   * kept already: then it is not given away before its turn comes.
   */
  reserve(line: WaitingLine, bypassLimit: number): Reservation[] {
    const reservations: Reservation[] = [];
    const left = reservable(this.hosts);
    // Once nothing is left to be kept for a demand, nothing is for its equals.
    const hopeless = new Set<DemandKind>();
    const keep = (task: WaitingTask, kind: DemandKind, isKeptAlready: boolean): void => {
      const counted = countedAs(task.demand);
      // One that its tier keeps back could not use it.
      if (left[counted] <= 0 || this.isFull(task.tier) || (hopeless.has(kind) && !isKeptAlready)) return;
      const kept = chooseReservation(task, this.hostsFor(task));
      if (kept === undefined && this.canUse === undefined) hopeless.add(kind);
      if (kept === undefined || (isKeptAlready && kept.own === 0)) return;
      const { hostId, resources } = kept;
      if (kept.own < resources.length) this.setHost(hostId, (host) => reserve(host, resources, task.taskId));
      this.reserving.add(task.taskId);
      left[counted] -= counted === 'devices' ? resources.length : 1;
      reservations.push({ task, hostId, resources });
    };
    // Others of its group would go first, so what is kept for one that is not the head is of no use.
    const held = [...this.reserving].sort().flatMap((taskId) => {
      const group = line.groupOf(taskId);
      const head = group?.at(0);
      return group !== undefined && head?.taskId === taskId ? [{ head, kind: group.kind }] : [];
    });
    for (const { head, kind } of held) keep(head, kind, true);
    for (const group of line.overdue(bypassLimit, ({ demand }) => left[countedAs(demand)] > 0)) {
      const head = group.at(0);
      if (head === undefined || this.reserving.has(head.taskId) || this.hasPlace(head, group)) continue;
      keep(head, group.kind, false);
      if (left.devices <= 0 && left.hosts <= 0) break;
    }
    // What they may have beyond their equals is where something is kept for them; the room tells of the rest.
    const waiting = new Map([...held.map(({ head }) => head), ...reservations.map(({ task }) => task)].map((task) => [task.taskId, task]));
    for (const host of this.hosts) {
      for (const taskId of reservingTasks([host])) {
        const task = waiting.get(taskId);
        if (task !== undefined && this.canUse?.(task, host.hostId) !== false && findPlace(task, [host], this.fit) !== undefined) this.ready.add(taskId);
      }
    }
    return reservations;
  }

  /** Whether anything that waits might have a place: a short look, before anybody walks along the line. */
  mayAnyGo(line: WaitingLine): boolean {
    for (const kind of line.kinds()) {
      // Where a task can use some hosts only, it may be split there though another would hold it in one piece.
      if (QUALITY_TIERS.some((tier) => kind.waiting[tier] > 0 && !this.isFull(tier)) && (this.room.fits(kind) || (this.canUse !== undefined && kind.demand.splittable))) return true;
    }
    return this.ready.size > 0 || this.awaited(line).next().done === false;
  }

  /** Whether an idle container awaits a task. */
  isAwaited(task: WaitingTask): boolean {
    return this.warm.serves(task);
  }

  /** Projects of which a task waits that an idle container awaits; one of them more than once, perhaps. */
  *awaited(line: WaitingLine): IterableIterator<WaitingProject> {
    for (const { pipelineId, projectId } of this.warm.served()) yield* line.projectsWith(pipelineId, projectId);
  }

  /** Whether a group's head might have a place. */
  mayGo(group: WaitingGroup, head: WaitingTask): boolean {
    return !this.isFull(group.tier) && !this.stuck.has(group) && (this.hasPlace(head, group) || this.ready.has(head.taskId));
  }

  /** Gives a task its place; undefined where it has none. */
  start(task: WaitingTask, group: WaitingGroup): Placed | undefined {
    const placed = findPlace(task, this.hostsFor(task), this.fit);
    this.ready.delete(task.taskId);
    if (placed === undefined) {
      this.stuck.add(group);
      return undefined;
    }
    this.setHost(placed.hostId, (host) => occupy(host, placed));
    this.left[task.tier] -= 1;
    return placed;
  }

  /** Why a task waits. */
  reasonFor(task: WaitingTask, kind: DemandKind | undefined): WaitReason {
    if (this.isFull(task.tier)) return { kind: 'tier-limit', tier: task.tier, limit: this.cluster.tiers[task.tier].limit };
    const room = this.roomFor(task);
    const isLikeOthers = !this.reserving.has(task.taskId) && !this.warm.serves(task);
    const known = isLikeOthers && kind !== undefined ? room.reasons.get(kind) : undefined;
    if (known !== undefined) return known;
    if (room.hosts.length === 0 && this.hosts.length > 0) return { kind: 'no-capable-host', detail: `no host can run ${task.pipelineId}` };
    const placement = place(task, room.hosts, this.fit);
    const reason: WaitReason = placement.kind === 'placed' ? { kind: 'next' } : placement.reason;
    if (isLikeOthers && kind !== undefined) room.reasons.set(kind, reason);
    return reason;
  }

  private hasPlace(task: WaitingTask, { kind }: WaitingGroup): boolean {
    return this.roomFor(task).fits(kind) || this.warm.serves(task);
  }

  private get warm(): WarmIndex {
    return (this.warmthEverywhere ??= new WarmIndex(this.hosts));
  }

  private get room(): Room {
    return (this.everywhere ??= new Room(this.hosts));
  }

  /** The hosts that a task can use. */
  private hostsFor(task: WaitingTask): readonly HostState[] {
    const { canUse } = this;
    return canUse === undefined ? this.hosts : this.hosts.filter(({ hostId }) => canUse(task, hostId));
  }

  /** What these have. */
  private roomFor(task: WaitingTask): Room {
    if (this.canUse === undefined) return this.room;
    const hosts = this.hostsFor(task);
    const key = hosts.map(({ hostId }) => hostId).join(' ');
    let room = this.rooms.get(key);
    if (room === undefined) this.rooms.set(key, (room = new Room(hosts)));
    return room;
  }

  private setHost(hostId: string, change: (host: HostState) => HostState): void {
    this.hosts = this.hosts.map((host) => (host.hostId === hostId ? change(host) : host));
    this.everywhere = undefined;
    this.warmthEverywhere = undefined;
    if (this.rooms.size > 0) this.rooms.clear();
  }
}

function countedAs({ gpus }: ResourceDemand): 'devices' | 'hosts' {
  return gpus > 0 ? 'devices' : 'hosts';
}

/** How many devices, and hosts for those without GPU, may be reserved at a time. */
function reservable(hosts: readonly HostState[]): { devices: number; hosts: number } {
  const devices = hosts.reduce((sum, host) => sum + host.devices.length, 0);
  return { devices: Math.max(1, Math.floor(devices * RESERVED_SHARE)), hosts: Math.max(1, Math.floor(hosts.length * RESERVED_SHARE)) };
}
