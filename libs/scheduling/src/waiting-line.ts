/**
 * The tasks that wait, in the order in which they are to be started if everything fits.
 *
 * Order: projects take turns, each in proportion to the weights of what it starts ({@link turnCost}). A project has a
 * virtual time, what it has had; it is next where that plus the least that its next start can cost is smallest. A start
 * puts its project back by what it costs. The line's clock is the latest turn that has come, and no project that starts
 * something, or comes back with new tasks, is left behind it: so nobody hoards turns, neither by being idle nor by having
 * been blocked. A start by a warm container may have come before the turns of others, by {@link WARM_LEAD} at the most;
 * those are left behind it by so much, and still have theirs. Within a project the order is by cost and age
 * ({@link rankWithinProject}), so that its urgent tasks go first and the others still have their day.
 *
 * Owns the waiting tasks in groups of equals, the projects' virtual times, and how often each group was passed over. It is
 * one process's mirror of the queues: whoever learns that a task waits, is gone or was started says so here. Must stay
 * true: a task is in one group once; no group and no project is empty; the projects' order is that of their turns; the
 * same calls leave the same line.
 */
import { QUALITY_TIERS, type QualityTier } from '@function-runner/pipeline-schema';
import type { ClusterState } from './cluster-state.js';
import { demandKey } from './demand-key.js';
import type { DemandKind } from './demand-kind.js';
import { reservingTasks } from './host-capacity.js';
import { LineWalk, type MayGo } from './line-walk.js';
import { MinHeap } from './min-heap.js';
import { passesBy, type StartedTask } from './passes-by.js';
import { ProjectOrder } from './project-order.js';
import type { TakenTask } from './taken-task.js';
import { WARM_LEAD } from './turn-cost.js';
import { WaitingGroup } from './waiting-group.js';
import { WaitingProject, isSooner, ranksBefore, type Turn } from './waiting-project.js';
import type { WaitingTask } from './waiting-task.js';

interface Entry {
  task: WaitingTask;
  group: WaitingGroup;
}

export class WaitingLine {
  private readonly entries = new Map<string, Entry>();
  private readonly projects = new Map<string, WaitingProject>();
  private readonly order = new ProjectOrder();
  private readonly demands = new Map<string, DemandKind>();
  /** Groups whose head was passed over, by their demand. */
  private readonly passed = new Map<DemandKind, Set<WaitingGroup>>();
  /** How many tasks wait, by pipeline and project. */
  private readonly pipelines = new Map<string, Map<string, number>>();
  private readonly sizes: Record<QualityTier, number> = { low: 0, standard: 0, high: 0, premium: 0 };
  /** The latest turn that has come, in virtual time: where a project begins. */
  private clock = 0;
  /** Where a project is at the least once it has started something: the clock, but for what warm containers may have been ahead of others' turns. */
  private floor = 0;
  /** Virtual times of projects that have nothing waiting and are ahead of the clock. */
  private readonly ahead = new Map<string, number>();

  get size(): number {
    return this.entries.size;
  }

  sizeOf(tier: QualityTier): number {
    return this.sizes[tier];
  }

  has(taskId: string): boolean {
    return this.entries.has(taskId);
  }

  get(taskId: string): WaitingTask | undefined {
    return this.entries.get(taskId)?.task;
  }

  /** In no order. */
  *tasks(): IterableIterator<WaitingTask> {
    for (const { task } of this.entries.values()) yield task;
  }

  /** In no order. */
  *groups(): IterableIterator<WaitingGroup> {
    for (const { groups } of this.projects.values()) yield* groups.values();
  }

  /** The group that a task is in. */
  groupOf(taskId: string): WaitingGroup | undefined {
    return this.entries.get(taskId)?.group;
  }

  /** How often the head of a task's group has been passed over; 0 for a task that does not wait. */
  bypassesOf(taskId: string): number {
    return this.groupOf(taskId)?.bypasses ?? 0;
  }

  /** A task waits, new or again. One that is known to wait already is left as it is. */
  add(task: WaitingTask): void {
    if (this.entries.has(task.taskId)) return;
    const project = this.projects.get(task.projectId) ?? this.open(task.projectId);
    const group = this.groupFor(task, project);
    group.add(task);
    this.entries.set(task.taskId, { task, group });
    this.count(task, group.kind, 1);
    // Behind others of its kind it changes nothing else.
    if (group.at(0) === task) this.resettle(project);
  }

  /** A task does not wait any more, and was not started. Whether it waited. */
  remove(taskId: string): boolean {
    const entry = this.entries.get(taskId);
    const project = entry && this.projects.get(entry.task.projectId);
    if (entry === undefined || project === undefined) return false;
    this.takeOut(entry, project);
    this.resettle(project);
    return true;
  }

  /**
   * A task was started, by whatever worker of the cluster: it leaves the line, its project goes back, and whoever was
   * before it and could not start for want of what it has now has been passed over once more. A task that does not wait
   * here is nothing new: so one start may be told twice.
   *
   * @param cluster as it was when the task was chosen: whoever is kept back by a tier's limit was not passed over, and
   *   neither was one for which something is kept: it is as good as started.
   */
  noteStart({ taskId, resources, warm = false }: TakenTask, hostId: string, cluster: ClusterState): void {
    const entry = this.entries.get(taskId);
    const project = entry && this.projects.get(entry.task.projectId);
    if (entry === undefined || project === undefined) return;
    const { task, group } = entry;
    this.countBypasses(entry, project, { demand: task.demand, hostId, resources }, cluster);
    group.bypasses = 0;
    this.passed.get(group.kind)?.delete(group);
    const { time } = project.turn;
    this.clock = Math.max(this.clock, time);
    this.floor = Math.max(this.floor, warm ? time - WARM_LEAD : time);
    project.virtualTime = Math.max(project.virtualTime + group.cost, this.floor);
    this.takeOut(entry, project);
    this.resettle(project);
  }

  /** The tasks in the order in which they would be started if all of them fitted; of one tier, as if there were no other. */
  inOrder({ limit = Number.POSITIVE_INFINITY, tier }: { limit?: number; tier?: QualityTier } = {}): WaitingTask[] {
    const walk = this.walk((group) => tier === undefined || group.tier === tier);
    const tasks: WaitingTask[] = [];
    while (tasks.length < limit) {
      const next = walk.next();
      if (next === undefined) break;
      tasks.push(next.task);
      walk.take();
    }
    return tasks;
  }

  /** A walk through the line in its order, past those that may not go. The line must not change meanwhile. */
  walk(mayGo: MayGo): LineWalk {
    return new LineWalk(this.order, this.floor, mayGo);
  }

  /** The demands of those that wait. */
  kinds(): IterableIterator<DemandKind> {
    return this.demands.values();
  }

  /** The projects of which a task of a pipeline waits: of all, or of the one that is named. In no order. */
  *projectsWith(pipelineId: string, only: string | undefined): IterableIterator<WaitingProject> {
    const waiting = this.pipelines.get(pipelineId);
    if (waiting === undefined) return;
    for (const projectId of only === undefined ? waiting.keys() : waiting.has(only) ? [only] : []) {
      const project = this.projects.get(projectId);
      if (project !== undefined) yield project;
    }
  }

  /** Groups of some demands that were passed over so often or more, in order. */
  *overdue(bypasses: number, counts: (kind: DemandKind) => boolean): IterableIterator<WaitingGroup> {
    const turns: { group: WaitingGroup; turn: Turn }[] = [];
    for (const [kind, passed] of this.passed) {
      if (passed.size === 0 || !counts(kind)) continue;
      for (const group of passed) {
        const project = group.bypasses >= bypasses ? this.projects.get(group.projectId) : undefined;
        if (project !== undefined) turns.push({ group, turn: turnOf(group, project) });
      }
    }
    const overdue = new MinHeap<{ group: WaitingGroup; turn: Turn }>((one, other) => isSooner(one.turn, other.turn), turns);
    for (let next = overdue.pop(); next !== undefined; next = overdue.pop()) yield next.group;
  }

  private countBypasses({ task, group }: Entry, project: WaitingProject, started: StartedTask, cluster: ClusterState): void {
    const passed = new Set<DemandKind>();
    for (const kind of this.demands.values()) if (passesBy(kind.demand, started, cluster.hosts)) passed.add(kind);
    if (passed.size === 0) return;
    const reserving = reservingTasks(cluster.hosts);
    const isPassed = (other: WaitingGroup): boolean => {
      const { running, limit } = cluster.tiers[other.tier];
      return passed.has(other.kind) && running < limit && !reserving.has(other.at(0)?.taskId ?? '');
    };
    const count = (other: WaitingGroup): void => {
      other.bypasses += 1;
      const alike = this.passed.get(other.kind);
      if (alike === undefined) this.passed.set(other.kind, new Set([other]));
      else alike.add(other);
    };
    for (const other of project.groups.values()) {
      const head = other.at(0);
      if (head !== undefined && isPassed(other) && ranksBefore(other, head, group, task)) count(other);
    }
    const turn = task === project.turn.head ? project.turn : { time: project.virtualTime + group.cost, head: task };
    for (const sooner of this.order.soonerThan(turn)) {
      if (sooner === project) continue;
      for (const other of sooner.groups.values()) if (isPassed(other) && isSooner(turnOf(other, sooner), turn)) count(other);
    }
  }

  private open(projectId: string): WaitingProject {
    const project = new WaitingProject(projectId, Math.max(this.ahead.get(projectId) ?? 0, this.clock));
    this.ahead.delete(projectId);
    this.projects.set(projectId, project);
    return project;
  }

  private groupFor(task: WaitingTask, project: WaitingProject): WaitingGroup {
    const demand = demandKey(task.demand);
    const key = groupKey(task, demand);
    const known = project.groups.get(key);
    if (known !== undefined) return known;
    let kind = this.demands.get(demand);
    if (kind === undefined) this.demands.set(demand, (kind = { key: demand, demand: task.demand, waiting: { low: 0, standard: 0, high: 0, premium: 0 } }));
    const group = new WaitingGroup(task, kind);
    project.groups.set(key, group);
    return group;
  }

  private takeOut({ task, group }: Entry, project: WaitingProject): void {
    this.entries.delete(task.taskId);
    this.count(task, group.kind, -1);
    group.remove(task);
    if (group.size > 0) return;
    project.groups.delete(groupKey(task, group.kind.key));
    this.passed.get(group.kind)?.delete(group);
  }

  /** One more (1) or one fewer (-1) waits. */
  private count({ tier, pipelineId, projectId }: WaitingTask, kind: DemandKind, by: 1 | -1): void {
    this.sizes[tier] += by;
    kind.waiting[tier] += by;
    if (QUALITY_TIERS.every((each) => kind.waiting[each] === 0)) {
      this.demands.delete(kind.key);
      this.passed.delete(kind);
    }
    let projects = this.pipelines.get(pipelineId);
    if (projects === undefined) this.pipelines.set(pipelineId, (projects = new Map<string, number>()));
    const waiting = (projects.get(projectId) ?? 0) + by;
    if (waiting > 0) projects.set(projectId, waiting);
    else projects.delete(projectId);
    if (projects.size === 0) this.pipelines.delete(pipelineId);
  }

  /** Puts a project where its turn is; one without tasks is forgotten but for what it owes. */
  private resettle(project: WaitingProject): void {
    if (project.groups.size > 0) {
      project.settle();
      this.order.moved(project);
      return;
    }
    this.projects.delete(project.projectId);
    this.order.remove(project);
    if (project.virtualTime <= this.clock) return;
    for (const [projectId, virtualTime] of this.ahead) if (virtualTime <= this.clock) this.ahead.delete(projectId);
    this.ahead.set(project.projectId, project.virtualTime);
  }
}

/** When a group's head has its turn: with its project's where it is the project's first, else after it. */
function turnOf(group: WaitingGroup, project: WaitingProject): Turn {
  const head = group.at(0);
  return head === project.turn.head ? project.turn : { time: project.virtualTime + group.cost, head };
}

function groupKey({ tier, priority, pipelineId }: WaitingTask, demand: string): string {
  return `${tier} ${priority} ${demand} ${pipelineId}`;
}
