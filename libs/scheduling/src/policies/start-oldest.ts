import { MinHeap } from '../min-heap.js';
import type { Round } from '../round.js';
import type { Start } from '../schedule.js';
import { isOlder, type WaitingGroup } from '../waiting-group.js';
import type { WaitingTask } from '../waiting-task.js';

/** Starts what has a place, the oldest first and at most so many; with `inLine` only until the first that has none. */
export function startOldest(groups: Iterable<WaitingGroup>, round: Round, most: number, inLine: boolean): Start[] {
  const heads = new MinHeap<Head>((a, b) => isOlder(a.task, b.task));
  const reach = (group: WaitingGroup, place: number): void => {
    const task = group.at(place);
    if (task !== undefined) heads.push({ task, group, place });
  };
  for (const group of groups) reach(group, 0);
  const starts: Start[] = [];
  while (starts.length < most) {
    const head = heads.pop();
    if (head === undefined) break;
    const placement = round.mayGo(head.group, head.task) ? round.start(head.task, head.group) : undefined;
    if (placement !== undefined) {
      starts.push({ task: head.task, placement });
      reach(head.group, head.place + 1);
    } else if (inLine) break;
  }
  return starts;
}

interface Head {
  task: WaitingTask;
  group: WaitingGroup;
  place: number;
}
