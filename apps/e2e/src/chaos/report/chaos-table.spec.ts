import type { ChaosFigures } from './chaos-figures.js';
import { withChaosRow } from './chaos-table.js';

const PAGE = 'before\n<!-- chaos-runs -->\n<!-- /chaos-runs -->\nafter\n';

function figures(changes: Partial<ChaosFigures>): ChaosFigures {
  return {
    seed: 7, minutes: 10, liveRestore: false, faults: 200, faultsFired: 200, faultKinds: 23, tasks: 1060, completed: 900, failedOnPurpose: 60, failedByKill: 5, cancelled: 95, workerLost: 0,
    forgottenTasks: 0, forgottenStories: 0, attempts: 1200, workerKilledP50Ms: 9876, workerKilledP95Ms: 12_345, lost: 0, twice: 0, violations: 0, ...changes,
  };
}

describe('withChaosRow', () => {
  it('puts a row under the head, and leaves the rest of the page', () => {
    const page = withChaosRow(PAGE, figures({}));
    expect(page).toMatch(/^before\n<!-- chaos-runs -->\n\| seed .*\n\|---.*\n\| 7 \| 10 \| off \| 200 \(23\) \| 1060 \| 1200 \| 900 \| 60 \| 5 \| 95 \| 9.9 s \/ 12.3 s \| 0 \| 0 \| 0 \| 0 \|\n<!-- \/chaos-runs -->\nafter\n$/);
  });

  it('keeps other seeds, in order, and takes the place of an earlier run of its own', () => {
    const page = [figures({ seed: 9 }), figures({ seed: 7, tasks: 1 }), figures({ seed: 7, tasks: 2, workerKilledP50Ms: undefined })].reduce(withChaosRow, PAGE);
    expect(page.split('\n').filter((line) => /^\| \d/.test(line)).map((line) => line.split(' | ').slice(0, 5).join(' | '))).toEqual(['| 7 | 10 | off | 200 (23) | 2', '| 9 | 10 | off | 200 (23) | 1060']);
    expect(page).toContain('none struck');
  });

  it('refuses a page without its place', () => {
    expect(() => withChaosRow('nothing', figures({}))).toThrow('has no <!-- chaos-runs -->');
  });
});
