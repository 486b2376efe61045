import { MinHeap } from './min-heap.js';
import type { ProjectOrder } from './project-order.js';
import type { WaitingGroup } from './waiting-group.js';
import { isSooner, ranksBefore, type Turn, type WaitingProject } from './waiting-project.js';
import type { WaitingTask } from './waiting-task.js';

/** Whether a group's head may go. Once it may not, it may not for the rest of the walk. */
export type MayGo = (group: WaitingGroup, head: WaitingTask) => boolean;

/**
 * A walk through a line in its order, as if what is taken on the way had started; the line itself is left as it is, and
 * must not change during the walk.
 *
 * Owns what was taken on the way, and how far that has put the projects back. Looks only at projects whose turn comes, or
 * that are asked for, and at their groups only then.
 */
export class LineWalk {
  private readonly frontier = new MinHeap<Step>(isSooner);
  private generation = 0;
  private readonly visits = new Map<WaitingProject, Visit>();
  private current: Visit | undefined;
  /** The turn of the task that {@link next} gave last. */
  private time = 0;

  constructor(
    private readonly order: ProjectOrder,
    /** Where a project is put at the least that starts something, in virtual time. */
    private readonly floor: number,
    private readonly mayGo: MayGo,
  ) {
    this.reach(0);
  }

  /** The next task that may go; the same again until it is taken or may not go any more. */
  next(): Next | undefined {
    for (;;) {
      const step = this.frontier.pop();
      if (step === undefined) return undefined;
      if (step.visit === undefined) {
        this.reach(2 * step.place + 1);
        this.reach(2 * step.place + 2);
        if (!this.mayAnyOf(step.project)) continue;
        step.visit = this.visitTo(step.project);
      }
      const { visit } = step;
      visit.narrow(this.generation, this.mayGo);
      const foremost = visit.foremost;
      if (foremost === undefined) continue;
      step.time = visit.time;
      step.head = foremost.head;
      this.frontier.push(step);
      // A turn only ever comes later than it was thought to, so whoever is still first is first.
      if (this.frontier.peek() !== step) continue;
      this.current = visit;
      this.time = step.time;
      return { task: foremost.head, group: foremost.group };
    }
  }

  /**
   * Of some projects the first whose own first task is wanted, if its turn is at most so much later, in virtual time, than
   * that of the task that {@link next} gave last.
   */
  nextOf(projects: Iterable<WaitingProject>, isWanted: (task: WaitingTask) => boolean, within: number): Next | undefined {
    // A turn only ever comes later than the line has it.
    const near = [...projects].filter(({ turn }) => turn.time <= this.time + within).map((project) => ({ project, turn: project.turn }));
    const sooner = new MinHeap<{ project: WaitingProject; turn: Turn }>((a, b) => isSooner(a.turn, b.turn), near);
    let first: { visit: Visit; foremost: Candidate; turn: Turn } | undefined;
    for (let each = sooner.pop(); each !== undefined && (first === undefined || isSooner(each.turn, first.turn)); each = sooner.pop()) {
      const visit = this.visitTo(each.project);
      visit.narrow(this.generation, this.mayGo);
      const { foremost } = visit;
      if (foremost === undefined || visit.time > this.time + within || !isWanted(foremost.head)) continue;
      const turn = { time: visit.time, head: foremost.head };
      if (first === undefined || isSooner(turn, first.turn)) first = { visit, foremost, turn };
    }
    if (first === undefined) return undefined;
    this.current = first.visit;
    return { task: first.foremost.head, group: first.foremost.group };
  }

  /** Counts the task that was given last as started. */
  take(): void {
    if (this.current === undefined) return;
    // Turns come in order on the walk but for those that are asked for, and the floor leaves others theirs: nobody falls behind on it who was not behind before.
    this.current.take(this.floor);
    this.current = undefined;
  }

  /** Some that might have gone may not any more. */
  narrow(): void {
    this.generation += 1;
  }

  private visitTo(project: WaitingProject): Visit {
    let visit = this.visits.get(project);
    if (visit === undefined) this.visits.set(project, (visit = new Visit(project, this.generation, this.mayGo)));
    return visit;
  }

  private mayAnyOf({ groups }: WaitingProject): boolean {
    for (const group of groups.values()) {
      const head = group.at(0);
      if (head !== undefined && this.mayGo(group, head)) return true;
    }
    return false;
  }

  private reach(place: number): void {
    const project = this.order.at(place);
    if (project !== undefined) this.frontier.push({ place, project, time: project.turn.time, head: project.turn.head, visit: undefined });
  }
}

/** A task that may go. */
export interface Next {
  task: WaitingTask;
  group: WaitingGroup;
}

/** A project that the walk has reached or may reach next. Its turn is a lower bound until it is looked at. */
interface Step extends Turn {
  place: number;
  project: WaitingProject;
  visit: Visit | undefined;
}

/** A group whose head may go, and how many of it were taken on the way. */
interface Candidate {
  group: WaitingGroup;
  taken: number;
  head: WaitingTask;
}

/** What is left of a project on the walk. */
class Visit {
  private virtualTime: number;
  private candidates: MinHeap<Candidate>;
  /** How many of the candidates have which cost. */
  private costs = new Map<number, number>();

  constructor(
    project: WaitingProject,
    private generation: number,
    mayGo: MayGo,
  ) {
    this.virtualTime = project.virtualTime;
    const candidates: Candidate[] = [];
    for (const group of project.groups.values()) {
      const head = group.at(0);
      if (head !== undefined && mayGo(group, head)) candidates.push({ group, taken: 0, head });
    }
    this.candidates = this.heapOf(candidates);
  }

  get foremost(): Candidate | undefined {
    return this.candidates.peek();
  }

  /** Its turn. */
  get time(): number {
    let cheapest = Number.POSITIVE_INFINITY;
    for (const cost of this.costs.keys()) if (cost < cheapest) cheapest = cost;
    return this.virtualTime + cheapest;
  }

  narrow(generation: number, mayGo: MayGo): void {
    if (generation === this.generation) return;
    this.generation = generation;
    this.candidates = this.heapOf([...this.candidates].filter(({ group, head }) => mayGo(group, head)));
  }

  take(floor: number): void {
    const candidate = this.candidates.pop();
    if (candidate === undefined) return;
    const { group } = candidate;
    this.virtualTime = Math.max(this.virtualTime + group.cost, floor);
    const head = group.at(candidate.taken + 1);
    if (head !== undefined) this.candidates.push({ group, taken: candidate.taken + 1, head });
    else this.forget(group.cost);
  }

  private heapOf(candidates: readonly Candidate[]): MinHeap<Candidate> {
    this.costs = new Map();
    for (const { group } of candidates) this.costs.set(group.cost, (this.costs.get(group.cost) ?? 0) + 1);
    return new MinHeap((a, b) => ranksBefore(a.group, a.head, b.group, b.head), candidates);
  }

  private forget(cost: number): void {
    const left = (this.costs.get(cost) ?? 0) - 1;
    if (left > 0) this.costs.set(cost, left);
    else this.costs.delete(cost);
  }
}
