import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ProjectOrder } from './project-order.js';
import { waitingTask } from './scheduling.fixture.js';
import { WaitingProject, isSooner, type Turn } from './waiting-project.js';

/** Everything below a place, as a walk sees it. */
function below(order: ProjectOrder, place = 0): WaitingProject[] {
  const project = order.at(place);
  return project === undefined ? [] : [project, ...below(order, 2 * place + 1), ...below(order, 2 * place + 2)];
}

describe('ProjectOrder', () => {
  test('after any changes no turn comes before the one above it, and nobody is lost or there twice', () => {
    const change = fc.record({ project: fc.nat(7), time: fc.option(fc.nat(20), { nil: undefined }) });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), fc.nat(20), (changes, limit) => {
        const order = new ProjectOrder();
        const projects = Array.from({ length: 8 }, (_, index) => new WaitingProject(`p${index}`, 0));
        const there = new Set<WaitingProject>();
        for (const { project: index, time } of changes) {
          const project = projects[index];
          if (project === undefined) continue;
          if (time === undefined) {
            order.remove(project);
            there.delete(project);
          } else {
            Object.assign<Turn, Turn>(project.turn, { time, head: waitingTask(`t${index}`) });
            order.moved(project);
            there.add(project);
          }
          expect(new Set(below(order))).toEqual(there);
          expect(below(order)).toHaveLength(there.size);
          for (let place = 1; order.at(place) !== undefined; place++) {
            const [child, parent] = [order.at(place), order.at((place - 1) >> 1)];
            expect(child !== undefined && parent !== undefined && isSooner(child.turn, parent.turn)).toBe(false);
          }
        }
        const turn = { time: limit, head: waitingTask('t4') };
        expect(new Set(order.soonerThan(turn))).toEqual(new Set([...there].filter((project) => isSooner(project.turn, turn))));
      }),
    );
  });
});
