import { isSooner, type Turn, type WaitingProject } from './waiting-project.js';

/**
 * The projects that have tasks waiting, as a heap in the order of their turns: a decision looks at the first few of them
 * and leaves the rest alone.
 *
 * Owns each project's place. Must stay true: no project's turn comes before that of the one above it; whoever changes a
 * project's turn calls {@link ProjectOrder.moved}.
 */
export class ProjectOrder {
  private readonly heap: WaitingProject[] = [];
  private readonly places = new Map<WaitingProject, number>();

  /** The one at a place; the one at 0 is first, and those below a place `n` are at `2n + 1` and `2n + 2`. */
  at(place: number): WaitingProject | undefined {
    return this.heap[place];
  }

  /** Those whose turn comes before another. */
  *soonerThan(turn: Turn): IterableIterator<WaitingProject> {
    const places = [0];
    for (let place = places.pop(); place !== undefined; place = places.pop()) {
      const project = this.heap[place];
      if (project === undefined || !isSooner(project.turn, turn)) continue;
      yield project;
      places.push(2 * place + 1, 2 * place + 2);
    }
  }

  /** A new project, or one whose turn has changed. */
  moved(project: WaitingProject): void {
    let place = this.places.get(project);
    if (place === undefined) {
      place = this.heap.push(project) - 1;
      this.places.set(project, place);
    }
    if (!this.rise(project, place)) this.sink(project, place);
  }

  remove(project: WaitingProject): void {
    const place = this.places.get(project);
    if (place === undefined) return;
    this.places.delete(project);
    const last = this.heap.pop();
    if (last === undefined || last === project) return;
    this.put(last, place);
    if (!this.rise(last, place)) this.sink(last, place);
  }

  /** Whether it went anywhere. */
  private rise(project: WaitingProject, from: number): boolean {
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = this.heap[above];
      if (parent === undefined || !isSooner(project.turn, parent.turn)) break;
      this.put(parent, place);
      place = above;
    }
    this.put(project, place);
    return place !== from;
  }

  private sink(project: WaitingProject, from: number): void {
    let place = from;
    for (;;) {
      let below = 2 * place + 1;
      let child = this.heap[below];
      if (child === undefined) break;
      const other = this.heap[below + 1];
      if (other !== undefined && isSooner(other.turn, child.turn)) {
        child = other;
        below += 1;
      }
      if (!isSooner(child.turn, project.turn)) break;
      this.put(child, place);
      place = below;
    }
    this.put(project, place);
  }

  private put(project: WaitingProject, place: number): void {
    this.heap[place] = project;
    this.places.set(project, place);
  }
}
