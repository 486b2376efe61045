import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { QUALITY_TIERS } from '@function-runner/pipeline-schema';
import { TASK_PRIORITIES } from '@function-runner/task-contract';
import type { ClusterState } from './cluster-state.js';
import { gpuResource } from './resource-id.js';
import { cluster, device, host, onCores, onGpus, waitingTask } from './scheduling.fixture.js';
import { turnCost } from './turn-cost.js';
import { WaitingLine } from './waiting-line.js';
import type { WaitingTask } from './waiting-task.js';

const MINUTE = 60_000;
const ONE_DEVICE = cluster([host('a', { devices: [device('0', 48)] })]);

function lineOf(...tasks: readonly WaitingTask[]): WaitingLine {
  const line = new WaitingLine();
  for (const task of tasks) line.add(task);
  return line;
}

const ids = (tasks: Iterable<WaitingTask>): string => [...tasks].map(({ taskId }) => taskId).join(' ');
const many = (count: number, name: string, changes: Partial<WaitingTask> = {}): WaitingTask[] => Array.from({ length: count }, (_, index) => waitingTask(`${name}${index + 1}`, { projectId: name, submittedAt: index, ...changes }));
const note = (line: WaitingLine, taskId: string, state: ClusterState = ONE_DEVICE, warm = false): void => line.noteStart({ taskId, resources: [gpuResource('0')], warm }, 'a', state);

describe('WaitingLine', () => {
  test('knows what waits', () => {
    const line = lineOf(waitingTask('x'), waitingTask('y', { tier: 'high' }));
    line.add(waitingTask('x', { tier: 'low' }));
    expect([line.size, line.sizeOf('standard'), line.sizeOf('high'), line.sizeOf('low')]).toEqual([2, 1, 1, 0]);
    expect(line.get('x')).toEqual(waitingTask('x'));
    expect([line.remove('x'), line.remove('x'), line.has('x'), line.has('y'), line.get('x')]).toEqual([true, false, false, true, undefined]);
    expect([line.size, line.sizeOf('standard'), ids(line.tasks()), line.groupOf('x'), line.groupOf('y')?.size]).toEqual([1, 0, 'y', undefined, 1]);
  });

  test('knows of which pipelines and projects something waits, and which demands', () => {
    const line = lineOf(waitingTask('x'), waitingTask('y', { projectId: 'series', demand: onGpus(8) }), waitingTask('z', { demand: onGpus(8) }));
    const waiting = (pipelineId: string, projectId?: string): string => [...line.projectsWith(pipelineId, projectId)].map((project) => project.projectId).sort().join(' ');
    expect([waiting('flux', 'film'), waiting('flux', 'series'), waiting('flux', 'none'), waiting('flux'), waiting('other')]).toEqual(['film', 'series', '', 'film series', '']);
    expect([...line.kinds()].map(({ demand, waiting: { standard } }) => [demand, standard])).toEqual([[onGpus(16), 1], [onGpus(8), 2]]);
    line.remove('y');
    line.remove('x');
    expect([waiting('flux', 'series'), waiting('flux', 'film'), waiting('flux'), [...line.kinds()].length]).toEqual(['', 'film', 'film', 1]);
    line.remove('z');
    expect([waiting('flux'), [...line.kinds()], [...line.groups()]]).toEqual(['', [], []]);
  });

  test.each<[string, WaitingTask[], string]>([
    ['nobody', [], ''],
    ['equals by age', [waitingTask('late', { submittedAt: 2 }), waitingTask('early', { submittedAt: 1 })], 'early late'],
    ['those submitted at once by id', [waitingTask('b'), waitingTask('a')], 'a b'],
    ['a project’s urgent ones first', [waitingTask('low', { priority: 'low' }), waitingTask('normal'), waitingTask('high', { priority: 'high' })], 'high normal low'],
    ['a project’s dearer tiers first', [waitingTask('s', { tier: 'low' }), waitingTask('p', { tier: 'premium' })], 'p s'],
    ['urgent before one that has waited 22 minutes', [waitingTask('normal'), waitingTask('high', { priority: 'high', submittedAt: 22 * MINUTE })], 'high normal'],
    ['and not before one that has waited 23', [waitingTask('normal'), waitingTask('high', { priority: 'high', submittedAt: 23 * MINUTE })], 'normal high'],
    ['the least urgent before what comes four hours later', [waitingTask('last', { tier: 'low', priority: 'low' }), waitingTask('first', { tier: 'premium', priority: 'high', submittedAt: 240 * MINUTE })], 'last first'],
    ['projects in turn', [...many(4, 'a'), ...many(2, 'b')], 'a1 b1 a2 b2 a3 a4'],
    ['projects in turn, however much later one comes', [...many(4, 'a'), ...many(2, 'b', { submittedAt: 999 * MINUTE })], 'a1 b1 a2 b2 a3 a4'],
    ['four of one project’s for one of another’s, by tier', [...many(10, 'a', { tier: 'premium' }), ...many(2, 'b', { tier: 'low' })], 'a1 a2 a3 b1 a4 a5 a6 a7 b2 a8 a9 a10'],
    ['single tasks of many projects by age', [...many(1, 'c', { submittedAt: 3 }), ...many(1, 'a', { submittedAt: 2 }), ...many(1, 'b', { submittedAt: 1 })], 'b1 a1 c1'],
    ['an urgent one before other projects’ turns', [...many(3, 'a'), ...many(1, 'b', { priority: 'high', submittedAt: 9 })], 'b1 a1 a2 a3'],
    ['an old one of low priority takes its project’s next turn, not a later one', [waitingTask('old', { projectId: 'a', priority: 'low' }), waitingTask('new', { projectId: 'a', submittedAt: 900 * MINUTE }), ...many(2, 'b', { submittedAt: 900 * MINUTE })], 'old b1 b2 new'],
  ])('in order: %s', (_what, tasks, expected) => {
    const line = lineOf(...tasks);
    expect(ids(line.inOrder())).toBe(expected);
    expect(ids(line.inOrder())).toBe(expected);
    expect(ids(lineOf(...[...tasks].reverse()).inOrder())).toBe(expected);
  });

  test('in order: only so many, only of a tier', () => {
    const line = lineOf(...many(3, 'a'), ...many(2, 'b', { tier: 'high' }));
    expect(ids(line.inOrder({ limit: 2 }))).toBe('b1 a1');
    expect(ids(line.inOrder({ tier: 'standard' }))).toBe('a1 a2 a3');
    expect(ids(line.inOrder({ tier: 'standard', limit: 2 }))).toBe('a1 a2');
    expect(line.inOrder({ tier: 'low' })).toEqual([]);
  });

  test('a start takes the task out and sets its project back; told twice it counts once', () => {
    const line = lineOf(...many(3, 'a'), ...many(3, 'b'));
    note(line, 'a1');
    note(line, 'a1');
    expect([line.has('a1'), line.size, ids(line.inOrder())]).toEqual([false, 5, 'b1 a2 b2 a3 b3']);
    note(line, 'nobody');
    expect(ids(line.inOrder())).toBe('b1 a2 b2 a3 b3');
  });

  test('a project that comes back after it had nothing gets its share, and not what it missed', () => {
    const line = lineOf(...many(50, 'a'), ...many(1, 'b'));
    note(line, 'b1');
    for (let index = 1; index <= 40; index++) note(line, `a${index}`);
    for (const task of many(3, 'c')) line.add(task);
    for (const taskId of ['b2', 'b3', 'b4']) line.add(waitingTask(taskId, { projectId: 'b' }));
    expect(ids(line.inOrder({ limit: 9 }))).toBe('b2 c1 a41 b3 c2 a42 b4 c3 a43');
  });

  test('a project that could not start for long makes up for one start, and not for all', () => {
    const line = lineOf(...many(50, 'a'), ...many(3, 'b'));
    for (let index = 1; index <= 40; index++) note(line, `a${index}`);
    expect(ids(line.inOrder({ limit: 6 }))).toBe('b1 b2 a41 b3 a42 a43');
  });

  test('whoever warm containers were ahead of has its turns all the same, and whoever comes then begins after them', () => {
    const cold = lineOf(...many(9, 'a'), ...many(9, 'b'));
    const warm = lineOf(...many(9, 'a'), ...many(9, 'b'));
    for (const taskId of ['a1', 'a2', 'a3']) {
      note(cold, taskId);
      note(warm, taskId, ONE_DEVICE, true);
    }
    for (const line of [cold, warm]) {
      for (const task of many(2, 'c')) line.add(task);
      note(line, 'b1');
    }
    expect(ids(cold.inOrder({ limit: 6 }))).toBe('c1 b2 a4 c2 b3 a5');
    expect(ids(warm.inOrder({ limit: 6 }))).toBe('b2 b3 c1 a4 b4 c2');
  });

  test('a project that could not start for long makes up for what others’ warm containers may be ahead too, and for no more', () => {
    const line = lineOf(...many(50, 'a'), ...many(5, 'b'));
    for (let index = 1; index <= 40; index++) note(line, `a${index}`, ONE_DEVICE, true);
    expect(ids(line.inOrder({ limit: 6 }))).toBe('b1 b2 b3 b4 a41 b5');
  });

  test('what projects owe is not forgotten when they have nothing for a moment', () => {
    const line = lineOf(...many(6, 'b', { submittedAt: 900 * MINUTE }));
    for (const projectId of ['a', 'c']) {
      line.add(waitingTask(`old ${projectId}`, { projectId, tier: 'low', priority: 'low' }));
      line.add(waitingTask(`new ${projectId}`, { projectId, submittedAt: 900 * MINUTE }));
      // Age puts the old one first, and its project pays for it.
      note(line, `old ${projectId}`);
      line.remove(`new ${projectId}`);
    }
    for (const projectId of ['a', 'c']) line.add(waitingTask(`newer-${projectId}`, { projectId, submittedAt: 901 * MINUTE }));
    expect(ids(line.inOrder())).toBe('b1 b2 b3 b4 b5 b6 newer-a newer-c');
  });

  const two = cluster([host('a', { devices: [device('0', 48)] }), host('b', { devices: [device('1', 24)] })]);
  test.each<[string, WaitingTask, string, ClusterState, number]>([
    ['one that needs more, on its device', waitingTask('big', { demand: onGpus(40) }), 'a', two, 1],
    ['one that needs more, elsewhere', waitingTask('big', { demand: onGpus(40) }), 'b', two, 0],
    ['one that comes later', waitingTask('big', { demand: onGpus(40), submittedAt: 9 }), 'a', two, 0],
    ['one whose priority is lower', waitingTask('big', { demand: onGpus(40), priority: 'low' }), 'a', two, 0],
    ['one of another project whose turn comes before', waitingTask('big', { demand: onGpus(40), projectId: 'series' }), 'a', two, 1],
    ['one of another project whose turn comes later', waitingTask('big', { demand: onGpus(40), projectId: 'series', submittedAt: 9 }), 'a', two, 0],
    ['one that its tier keeps back', waitingTask('big', { demand: onGpus(40) }), 'a', cluster(two.hosts, { standard: { running: 2, limit: 2 } }), 0],
    ['one for which something is kept', waitingTask('big', { demand: onGpus(40) }), 'a', cluster([host('a', { devices: [device('0', 48), device('2', 48, 48, 'big')] })]), 0],
    ['one that needs no more', waitingTask('equal', { demand: onGpus(8), pipelineId: 'other' }), 'a', two, 0],
    ['one without GPU', waitingTask('cores', { demand: onCores(1, 1) }), 'a', two, 0],
  ])('a start counts as a bypass of %s: %#', (_what, other, hostId, state, bypasses) => {
    const line = lineOf(waitingTask('small', { demand: onGpus(8), submittedAt: 5 }), other);
    line.noteStart({ taskId: 'small', resources: [gpuResource(hostId === 'a' ? '0' : '1')] }, hostId, state);
    expect(line.bypassesOf(other.taskId)).toBe(bypasses);
    expect([...line.overdue(1, () => true)].map((group) => group.at(0)?.taskId)).toEqual(bypasses === 1 ? [other.taskId] : []);
  });

  test.each([['old', 'small', 1], ['small', 'old', 0]])('one of low weight that age has put first has its project’s turn: %s, when %s starts', (waiting, starting, bypasses) => {
    const gib = (taskId: string): number => (taskId === waiting ? 40 : 8);
    const line = lineOf(
      waitingTask('old', { projectId: 'series', tier: 'low', priority: 'low', demand: onGpus(gib('old')) }),
      waitingTask('urgent', { projectId: 'series', tier: 'premium', priority: 'high', demand: onCores(1, 1), submittedAt: 900 * MINUTE }),
      waitingTask('small', { demand: onGpus(gib('small')), submittedAt: 900 * MINUTE }),
    );
    note(line, starting);
    expect(line.bypassesOf(waiting)).toBe(bypasses);
  });

  test('counts bypasses of a group’s head until one of the group starts', () => {
    const line = lineOf(...many(3, 'big', { demand: onGpus(40), projectId: 'film' }), ...many(9, 'small', { demand: onGpus(8), projectId: 'film', submittedAt: 99 }));
    for (const taskId of ['small1', 'small2', 'small3']) note(line, taskId);
    expect([line.bypassesOf('big1'), line.bypassesOf('small4'), line.bypassesOf('nobody')]).toEqual([3, 0, 0]);
    expect([[...line.overdue(3, () => true)].length, [...line.overdue(4, () => true)].length, [...line.overdue(3, () => false)].length]).toEqual([1, 0, 0]);
    line.remove('big1');
    expect(line.bypassesOf('big2')).toBe(3);
    note(line, 'big2');
    expect(line.bypassesOf('big3')).toBe(0);
    expect([...line.overdue(1, () => true)]).toEqual([]);
  });

  test('tells those that are overdue in their order', () => {
    const line = lineOf(
      waitingTask('third', { projectId: 'b', demand: onGpus(40), priority: 'low' }), waitingTask('first', { projectId: 'c', demand: onGpus(40), priority: 'high' }), waitingTask('second', { projectId: 'd', demand: onGpus(30) }),
      ...many(20, 'small', { demand: onGpus(8), priority: 'low', tier: 'low' }),
    );
    for (let index = 1; index <= 20; index++) note(line, `small${index}`);
    expect([...line.overdue(16, () => true)].map((group) => group.at(0)?.taskId)).toEqual(['first', 'second', 'third']);
  });
});

const anyTask = fc.record({
  tier: fc.constantFrom(...QUALITY_TIERS), priority: fc.constantFrom(...TASK_PRIORITIES), projectId: fc.constantFrom('a', 'b', 'c', 'd'), pipelineId: fc.constantFrom('flux', 'other'),
  submittedAt: fc.nat(300).map((minutes) => minutes * MINUTE), demand: fc.constantFrom(onGpus(8), onGpus(24), onCores(1, 1)),
});
const anyTasks = fc.array(anyTask, { maxLength: 60 }).map((given) => given.map((task, index): WaitingTask => ({ taskId: `t${String(index).padStart(2, '0')}`, ...task })));

describe('WaitingLine, whatever waits', () => {
  test('tells each task once, in the order in which they start if each that is first is started', () => {
    fc.assert(
      fc.property(anyTasks, anyTasks, (tasks, later) => {
        const line = lineOf(...tasks);
        // Some have started already, and others come then.
        for (const { taskId } of line.inOrder({ limit: tasks.length >> 1 })) note(line, taskId);
        for (const task of later) line.add({ ...task, taskId: `later ${task.taskId}` });
        const told = line.inOrder();
        expect(told).toHaveLength(line.size);
        expect(new Set(told)).toEqual(new Set(line.tasks()));
        const started: WaitingTask[] = [];
        for (let [first] = line.inOrder({ limit: 1 }); first !== undefined; [first] = line.inOrder({ limit: 1 })) {
          started.push(first);
          note(line, first.taskId);
        }
        expect(ids(started)).toBe(ids(told));
        expect([line.size, [...line.groups()].length, [...line.kinds()].length]).toEqual([0, 0, 0]);
      }),
      { numRuns: 300 },
    );
  });

  test('its order does not depend on the order in which it learnt of the tasks, and those that come and go leave no trace', () => {
    fc.assert(
      fc.property(anyTasks, fc.infiniteStream(fc.nat(1000)), (tasks, numbers) => {
        const line = new WaitingLine();
        const shuffled = tasks.map((task) => ({ task, at: numbers.next().value })).sort((a, b) => a.at - b.at);
        for (const { task } of shuffled) {
          line.add({ ...task, taskId: `gone ${task.taskId}` });
          line.add(task);
        }
        for (const { taskId } of tasks) line.remove(`gone ${taskId}`);
        expect(ids(line.inOrder())).toBe(ids(lineOf(...tasks).inOrder()));
      }),
    );
  });

  test('one project’s many tasks go before another’s single one no longer than their weights say', () => {
    const weights = fc.record({ tier: fc.constantFrom(...QUALITY_TIERS), priority: fc.constantFrom(...TASK_PRIORITIES) });
    fc.assert(
      fc.property(weights, weights, fc.nat(100), fc.nat(10_000), (theirs, single, started, minutesLater) => {
        const line = lineOf(...many(500, 'a', theirs));
        for (let index = 1; index <= started; index++) note(line, `a${index}`);
        line.add(waitingTask('single', { ...single, projectId: 'b', submittedAt: minutesLater * MINUTE }));
        const before = line.inOrder().findIndex(({ taskId }) => taskId === 'single');
        expect(before).toBeLessThanOrEqual(turnCost(single.tier, single.priority) / turnCost(theirs.tier, theirs.priority));
      }),
    );
  });

  test('nobody is kept waiting for ever by new projects, however urgent their tasks are', () => {
    const line = lineOf(waitingTask('patient', { projectId: 'p', tier: 'low', priority: 'low' }));
    const cheapest = turnCost('premium', 'high');
    let starts = 0;
    for (; line.has('patient') && starts < 1000; starts++) {
      line.add(waitingTask(`new${starts}`, { projectId: `new${starts}`, tier: 'premium', priority: 'high', submittedAt: starts }));
      const [first] = line.inOrder({ limit: 1 });
      if (first !== undefined) note(line, first.taskId);
    }
    expect(starts).toBeLessThanOrEqual(turnCost('low', 'low') / cheapest + 1);
  });
});
