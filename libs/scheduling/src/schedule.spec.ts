import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { QUALITY_TIERS } from '@function-runner/pipeline-schema';
import { TASK_PRIORITIES } from '@function-runner/task-contract';
import { anyDemand, anyHosts } from './any-hosts.fixture.js';
import type { ClusterState, HostState } from './cluster-state.js';
import { warmPlace } from './find-place.js';
import { resourcesOf } from './host-capacity.js';
import { occupy, reserve } from './occupy.js';
import { place } from './place.js';
import type { Reservation } from './reservation.js';
import { CPU, MEMORY, gpuResource } from './resource-id.js';
import { BYPASS_LIMIT, schedule, type Schedule, type ScheduleOptions } from './schedule.js';
import { GIB, cluster, device, host, onCores, onGpus, waitingTask, warmContainer } from './scheduling.fixture.js';
import { WARM_LEAD, turnCost } from './turn-cost.js';
import { WaitingLine } from './waiting-line.js';
import type { WaitingTask } from './waiting-task.js';

function lineOf(...tasks: readonly WaitingTask[]): WaitingLine {
  const line = new WaitingLine();
  for (const task of tasks) line.add(task);
  return line;
}

const started = ({ starts }: Pick<Schedule, 'starts'>): string => starts.map(({ task, placement: { hostId, devices } }) => [task.taskId, hostId, ...devices].join(' ')).join(', ');
const kept = ({ reservations }: Pick<Schedule, 'reservations'>): string => reservations.map(({ task, hostId, resources }) => [task.taskId, hostId, ...resources].join(' ')).join(', ');
const ALL: ScheduleOptions = { most: Number.POSITIVE_INFINITY };

/** The cluster once a decision has been carried out: with its reservations, and no others. */
function after(state: ClusterState, { starts, reservations }: Pick<Schedule, 'starts' | 'reservations'>): ClusterState {
  const tiers = structuredClone(state.tiers);
  let hosts: readonly HostState[] = state.hosts.map(({ cpu, memory, devices, ...rest }) => ({
    ...rest, cpu: { total: cpu.total, leased: cpu.leased }, memory: { total: memory.total, leased: memory.leased }, devices: devices.map(({ id, name, total, leased }) => ({ id, name, total, leased })),
  }));
  for (const { task, placement } of starts) {
    tiers[task.tier].running += 1;
    hosts = hosts.map((each) => (each.hostId === placement.hostId ? occupy(each, placement) : each));
  }
  for (const { task, hostId, resources } of reservations) hosts = hosts.map((each) => (each.hostId === hostId ? reserve(each, resources, task.taskId) : each));
  return { hosts, tiers };
}

/** One device with 24 GiB, of which so much is leased. */
const oneDevice = (leased = 0, reservedFor?: string): HostState => host('a', { devices: [device('0', 24, leased, reservedFor)] });
const small = (taskId: string, changes: Partial<WaitingTask> = {}): WaitingTask => waitingTask(taskId, { demand: onGpus(8), submittedAt: 9, ...changes });
const big = (taskId = 'big', changes: Partial<WaitingTask> = {}): WaitingTask => waitingTask(taskId, { demand: onGpus(20), ...changes });

/** A line in which the big one has been passed over so often. */
function passedOver(times: number, ...tasks: readonly WaitingTask[]): WaitingLine {
  const line = lineOf(big(), ...tasks);
  for (let index = 0; index < times; index++) {
    line.add(small(`gone${index}`));
    line.noteStart({ taskId: `gone${index}`, resources: [gpuResource('0')] }, 'a', cluster([oneDevice()]));
  }
  return line;
}

describe('schedule', () => {
  test.each<[string, WaitingTask[], ClusterState, Partial<ScheduleOptions>, string]>([
    ['nobody waits', [], cluster([oneDevice()]), {}, ''],
    ['nobody is there', [small('x')], cluster([]), {}, ''],
    ['what fits, in order', [small('y'), small('x'), small('z'), small('more', { submittedAt: 99 })], cluster([oneDevice()]), {}, 'x a 0, y a 0, z a 0'],
    ['no more than asked for', [small('x'), small('y')], cluster([oneDevice()]), { most: 1 }, 'x a 0'],
    ['none, if none is asked for', [small('x')], cluster([oneDevice()]), { most: 0 }, ''],
    ['past one that does not fit', [big(), small('x'), small('y')], cluster([oneDevice(10)]), {}, 'x a 0'],
    ['past all that do not fit, of whatever project', [big(), big('big2', { projectId: 'b' }), small('x', { projectId: 'c' })], cluster([oneDevice(10)]), {}, 'x a 0'],
    ['no more of a tier than may run', [small('x'), small('y'), small('z', { tier: 'low' })], cluster([oneDevice()], { standard: { running: 1, limit: 2 } }), {}, 'x a 0, z a 0'],
    ['none of a tier of which more run than may', [small('x')], cluster([oneDevice()], { standard: { running: 3, limit: 2 } }), {}, ''],
    ['where it can be used', [small('x')], cluster([oneDevice(), host('b', { devices: [device('1', 24)] })]), { canUse: (_, hostId) => hostId === 'b' }, 'x b 1'],
    ['past those that can be used nowhere', [small('x'), small('y', { pipelineId: 'known' })], cluster([oneDevice()]), { canUse: ({ pipelineId }) => pipelineId === 'known' }, 'y a 0'],
    ['split where nothing bigger can be used', [big('x', { demand: onGpus(40, { splittable: true }) })], cluster([host('a', { devices: [device('0', 24), device('1', 24)] }), host('b', { devices: [device('2', 48, 48)] })]), { canUse: (_, hostId) => hostId === 'a' }, 'x a 0 1'],
    ['not on what is kept for another', [small('x')], cluster([oneDevice(0, 'other')]), {}, ''],
    ['on what is kept for it', [big()], cluster([oneDevice(0, 'big')]), {}, 'big a 0'],
    ['before others of its kind on what is kept for it', [big('x', { projectId: 'b' }), big()], cluster([oneDevice(0, 'big')]), {}, 'big a 0'],
    ['not on what is kept for one behind it in its group', [big('first'), big('second', { submittedAt: 1 })], cluster([oneDevice(0, 'second')]), {}, ''],
    ['cores and devices side by side', [small('x'), waitingTask('y', { demand: onCores(4, 4) }), waitingTask('z', { demand: onCores(4, 4) }), waitingTask('more', { demand: onCores(1, 1), submittedAt: 9 })], cluster([oneDevice()]), {}, 'y a, z a, x a 0'],
  ])('starts: %s', (_what, tasks, state, options, expected) => {
    const [line, copy] = [lineOf(...tasks), structuredClone(state)];
    expect(started(schedule(line, state, { ...ALL, ...options }))).toBe(expected);
    expect(state).toEqual(copy);
    expect(line.size).toBe(tasks.length);
  });

  const warm = (leaseId: string, changes = {}): HostState['warm'][number] => warmContainer(leaseId, { [gpuResource('0')]: 8 * GIB }, changes);
  test('uses a warm container once, and starts anew for the next', () => {
    const state = cluster([host('a', { devices: [device('0', 24, 8)], warm: [warm('w')] })]);
    const { starts } = schedule(lineOf(small('x'), small('y'), small('z'), small('more')), state, ALL);
    expect(starts.map(({ task, placement }) => [task.taskId, placement.warm?.leaseId, placement.amounts])).toEqual([
      ['more', 'w', {}], ['x', undefined, { [gpuResource('0')]: 8 * GIB }], ['y', undefined, { [gpuResource('0')]: 8 * GIB }],
    ]);
  });

  test('uses a warm container for whom it can serve, where nothing is free', () => {
    const state = cluster([host('a', { devices: [device('0', 24, 24)], warm: [warm('w', { projectId: 'series', pinned: true })] })]);
    expect(started(schedule(lineOf(small('x'), small('y', { projectId: 'series' }), small('z', { projectId: 'series', pipelineId: 'other' })), state, ALL))).toBe('y a 0');
  });

  test('ends an idle container once, and what it held is free once', () => {
    const state = cluster([host('a', { devices: [device('0', 24, 24)], warm: [warm('w', { pipelineId: 'other' }), warm('v', { pipelineId: 'other', idleSince: 5 })] })]);
    const { starts } = schedule(lineOf(small('x'), small('y'), small('z')), state, ALL);
    expect(starts.map(({ task, placement }) => [task.taskId, placement.evict.map(({ leaseId }) => leaseId)])).toEqual([['x', ['w']], ['y', ['v']]]);
  });

  test.each<[string, WaitingTask, ClusterState, string]>([
    ['nothing', small('x'), cluster([oneDevice()]), 'next'],
    ['its tier', small('x'), cluster([oneDevice()], { standard: { running: 2, limit: 2 } }), 'tier-limit'],
    ['what is leased', small('x'), cluster([oneDevice(20)]), 'capacity'],
    ['what is kept', small('x'), cluster([oneDevice(0, 'other')]), 'reserved'],
    ['its size', waitingTask('x', { demand: onGpus(30) }), cluster([oneDevice()]), 'no-capable-host'],
    ['nobody', small('x'), cluster([]), 'no-host'],
  ])('says what a task waits for: %s', (_what, task, state, kind) => {
    const { reasonFor } = schedule(lineOf(task), state, { most: 0 });
    expect([reasonFor(task).kind, reasonFor(task).kind]).toEqual([kind, kind]);
  });

  test('says what a task waits for once the others have started', () => {
    const tasks = [small('a'), small('b', { tier: 'high' }), small('c', { tier: 'high', submittedAt: 10 }), small('d', { pipelineId: 'unknown' }), big('e', { submittedAt: 99 })];
    const { starts, reasonFor } = schedule(lineOf(...tasks), cluster([oneDevice()], { high: { running: 0, limit: 1 } }), { ...ALL, canUse: ({ pipelineId }) => pipelineId !== 'unknown' });
    expect(starts.map(({ task }) => task.taskId)).toEqual(['b', 'a']);
    expect(tasks.slice(2).map(reasonFor)).toEqual([
      { kind: 'tier-limit', tier: 'high', limit: 1 },
      { kind: 'no-capable-host', detail: 'no host can run unknown' },
      { kind: 'capacity', resource: 'gpu', needed: 20 * GIB, gpus: 1, hostId: 'a', hostName: 'A' },
    ]);
  });

  test('tells a task that a warm container awaits from its equals', () => {
    const state = cluster([host('a', { devices: [device('0', 24, 24)], warm: [warm('w', { projectId: 'series', pinned: true })] })]);
    const tasks = [small('x'), small('y', { projectId: 'series' })];
    const { reasonFor } = schedule(lineOf(...tasks), state, { most: 0 });
    expect(tasks.map((task) => reasonFor(task).kind)).toEqual(['capacity', 'next']);
  });
});

/** A device with room for all, and idle containers of pipelines that are for a project, or (undefined) for any. */
const warmDevice = (...idle: readonly [pipelineId: string, projectId: string | undefined][]): HostState => host('a', { devices: [device('0', 480)], warm: idle.map(([pipelineId, projectId], index) => warmContainer(`w${index}`, { [gpuResource('0')]: 0 }, { pipelineId, projectId })) });

describe('schedule: one that a warm container awaits', () => {
  const cold = (taskId: string, changes: Partial<WaitingTask> = {}): WaitingTask => small(taskId, { pipelineId: 'cold', submittedAt: 1, ...changes });
  const series = { projectId: 'series' };
  const urgent = { tier: 'premium', priority: 'high' } as const;
  test.each<[string, WaitingTask[], HostState, string]>([
    ['goes before its turn', [cold('x'), small('y', series)], warmDevice(['flux', 'series']), 'y x'],
    ['goes in its turn', [cold('x', { submittedAt: 10 }), small('y', series)], warmDevice(['flux', 'series']), 'y x'],
    ['goes early, of whatever project, where any may use the container', [cold('x'), small('y', series)], warmDevice(['flux', undefined]), 'y x'],
    ['does not where the container is another project’s', [cold('x'), small('y', series)], warmDevice(['flux', 'other']), 'x y'],
    ['goes early as often as there are containers', [cold('x'), small('y', series), small('z', { projectId: 'third', submittedAt: 10 })], warmDevice(['flux', undefined]), 'y x z'],
    ['goes early in the order of turns', [cold('x'), small('y', { projectId: 'third', submittedAt: 10 }), small('z', series)], warmDevice(['flux', undefined], ['flux', undefined]), 'z y x'],
    ['goes early in turn with other projects', [cold('x'), small('y1', series), small('y2', series), small('z', { projectId: 'third' })], warmDevice(['flux', undefined], ['flux', undefined], ['flux', undefined]), 'y1 z y2 x'],
    ['of one project gets no more than a start ahead', [cold('x'), ...['y1', 'y2', 'y3', 'y4'].map((taskId) => small(taskId, series))], warmDevice(...Array.from({ length: 4 }, () => ['flux', 'series'] as [string, string])), 'y1 y2 y3 x y4'],
    ['goes as early before an urgent one', [cold('x', urgent), small('y', series), small('z', series)], warmDevice(['flux', 'series'], ['flux', 'series']), 'y z x'],
    ['does not where its turn is later than that', [cold('x', urgent), small('y', { ...series, priority: 'low' })], warmDevice(['flux', 'series']), 'x y'],
    ['does not go before others of its own project', [cold('x'), small('y')], warmDevice(['flux', 'film']), 'x y'],
    ['goes before those of its own project that have no place', [cold('x'), small('y', series), cold('z', { ...series, demand: onGpus(500) })], warmDevice(['flux', 'series']), 'y x'],
    ['waits all the same where its tier is full', [cold('x'), small('y', { ...series, tier: 'low' })], warmDevice(['flux', 'series']), 'x'],
    ['does not where the container is on what is kept for another', [cold('x'), small('y', series)], { ...warmDevice(['flux', 'series']), devices: [device('0', 480, 0, 'other'), device('1', 480)] }, 'x y'],
  ])('%s', (_what, tasks, on, expected) => {
    const { starts } = schedule(lineOf(...tasks), cluster([on], { low: { running: 0, limit: 0 } }), ALL);
    expect(starts.map(({ task }) => task.taskId).join(' ')).toBe(expected);
  });

  test('goes early no more often than its tier may run', () => {
    const line = lineOf(cold('x1'), cold('x2'), small('y', { projectId: 'third', tier: 'low' }), cold('blocked', { ...series, submittedAt: 5, demand: onGpus(500) }), small('z', { ...series, tier: 'low', submittedAt: 10 }));
    const { starts } = schedule(line, cluster([warmDevice(['flux', undefined], ['flux', undefined])], { low: { running: 0, limit: 1 } }), ALL);
    expect(starts.map(({ task }) => task.taskId)).toEqual(['y', 'x1', 'x2']);
  });

  test('counts as a bypass of one that it goes before and that has no place', () => {
    const state = cluster([{ ...oneDevice(8), warm: [warmContainer('w', { [gpuResource('0')]: 8 * GIB }, { projectId: 'series' })] }]);
    const line = lineOf(big(), small('y', { ...series, tier: 'low' }));
    const [start] = schedule(line, state, ALL).starts;
    expect([start?.task.taskId, start?.placement.warm?.leaseId]).toEqual(['y', 'w']);
    line.noteStart({ taskId: 'y', resources: [gpuResource('0')], warm: true }, 'a', state);
    expect(line.bypassesOf('big')).toBe(1);
  });

  const anyWeights = fc.record({ tier: fc.constantFrom(...QUALITY_TIERS), priority: fc.constantFrom(...TASK_PRIORITIES) });
  /** Starts what is first, one after another; each container is idle again when the next is chosen. */
  function startOne(line: WaitingLine, on: HostState): WaitingTask | undefined {
    const state = cluster([on]);
    const [start] = schedule(line, state, { most: 1 }).starts;
    if (start !== undefined) line.noteStart({ taskId: start.task.taskId, resources: [gpuResource('0')], warm: start.placement.warm !== undefined }, 'a', state);
    return start?.task;
  }

  test('whatever is warm, one project’s many tasks go before another’s single one no longer than their weights and a start say', () => {
    fc.assert(
      fc.property(anyWeights, anyWeights, fc.nat(60), fc.nat(2), (theirs, single, before, others) => {
        const on = warmDevice(['flux', undefined]);
        const line = lineOf();
        for (let index = 0; index <= others; index++) for (let number = 0; number < 300; number++) line.add(small(`${index} ${number}`, { ...theirs, projectId: `p${index}` }));
        for (let index = 0; index < before; index++) startOne(line, on);
        line.add(cold('single', { ...single, ...series }));
        let passes = 0;
        while (startOne(line, on)?.taskId !== 'single') passes += 1;
        expect(passes).toBeLessThanOrEqual(((turnCost(single.tier, single.priority) + WARM_LEAD) / turnCost(theirs.tier, theirs.priority) + 1) * (others + 1));
      }),
      { numRuns: 50 },
    );
  });

  test('whatever is warm, nobody is kept waiting for ever by new projects', () => {
    const line = lineOf(cold('patient', { tier: 'low', priority: 'low' }));
    let starts = 0;
    for (; line.has('patient') && starts < 1000; starts++) {
      line.add(small(`new${starts}`, { ...urgent, projectId: `new${starts}` }));
      startOne(line, warmDevice(['flux', undefined]));
    }
    expect(starts).toBeLessThanOrEqual((turnCost('low', 'low') + WARM_LEAD) / turnCost('premium', 'high') + 1);
  });

  test('whatever is warm, projects that always have tasks waiting get starts in proportion to their weights', () => {
    fc.assert(
      fc.property(anyWeights, anyWeights, (warm, other) => {
        const line = lineOf();
        const had = { film: 0, series: 0 };
        for (let index = 0; index < 200; index++) {
          line.add(small(`film ${index}`, warm));
          line.add(cold(`series ${index}`, { ...other, ...series }));
          const task = startOne(line, warmDevice(['flux', 'film']));
          if (task === undefined) throw new Error('nothing was started');
          had[task.projectId === 'film' ? 'film' : 'series'] += turnCost(task.tier, task.priority);
          const most = Math.max(turnCost(warm.tier, warm.priority), turnCost(other.tier, other.priority));
          expect(had.film - had.series).toBeLessThanOrEqual(most + WARM_LEAD);
          expect(had.series - had.film).toBeLessThanOrEqual(most);
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe('schedule, for one that was passed over', () => {
  test.each<[string, number, HostState, Partial<ScheduleOptions>, string, string]>([
    ['not often enough: others go on', BYPASS_LIMIT - 1, oneDevice(8), {}, 'x a 0, y a 0', ''],
    ['too often: what will fit it is kept for it', BYPASS_LIMIT, oneDevice(8), {}, '', 'big a gpu:0'],
    ['too often, by a limit of its own', 3, oneDevice(8), { bypassLimit: 3 }, '', 'big a gpu:0'],
    ['what was kept stays kept', 0, oneDevice(8, 'big'), {}, '', 'big a gpu:0'],
    ['once it fits it starts, and nothing is kept', BYPASS_LIMIT, oneDevice(0, 'big'), {}, 'big a 0', ''],
    ['once it fits it keeps its place until its turn comes', BYPASS_LIMIT, oneDevice(0, 'big'), { most: 0 }, '', 'big a gpu:0'],
    ['too often, and it fits: nothing needs to be kept', BYPASS_LIMIT, oneDevice(0), { most: 0 }, '', ''],
    ['what was kept is of no use by now, and that is no reason to keep something else', 0, host('a', { devices: [device('0', 24, 8), device('1', 12, 4, 'big')] }), {}, 'x a 0, y a 0', ''],
    ['too often, though no host that can use it is there', BYPASS_LIMIT, oneDevice(8), { canUse: ({ taskId }) => taskId !== 'big' }, 'x a 0, y a 0', ''],
    ['too often, though a pinned container is in its way for ever', BYPASS_LIMIT, { ...oneDevice(8), warm: [warmContainer('w', { [gpuResource('0')]: 8 * GIB }, { pinned: true, pipelineId: 'other' })] }, {}, 'x a 0, y a 0', ''],
  ])('%s', (_what, times, on, options, starts, reservations) => {
    const decision = schedule(passedOver(times, small('x'), small('y')), cluster([on]), { ...ALL, ...options });
    expect([started(decision), kept(decision)]).toEqual([starts, reservations]);
  });

  test('keeps nothing for one that its tier keeps back', () => {
    const decision = schedule(passedOver(BYPASS_LIMIT, small('x', { tier: 'low' })), cluster([oneDevice(8)], { standard: { running: 2, limit: 2 } }), ALL);
    expect([started(decision), kept(decision)]).toEqual(['x a 0', '']);
  });

  test('keeps nothing for one that can use no host, and all the same for its equal that can', () => {
    const line = passedOver(BYPASS_LIMIT, big('usable', { pipelineId: 'other', submittedAt: 1 }));
    const decision = schedule(line, cluster([oneDevice(8)]), { ...ALL, canUse: ({ taskId }) => taskId !== 'big' });
    expect(kept(decision)).toBe('usable a gpu:0');
  });

  test('keeps one place, and others use the rest', () => {
    const state = cluster([host('a', { devices: [device('0', 24, 8), device('1', 24, 12)] })]);
    const decision = schedule(passedOver(BYPASS_LIMIT, small('x'), small('y')), state, ALL);
    expect([started(decision), kept(decision)]).toEqual(['x a 1', 'big a gpu:0']);
    expect(decision.reasonFor(small('y')).kind).toBe('reserved');
  });

  test('does not let others use a warm container on what is kept', () => {
    const state = cluster([{ ...oneDevice(24), warm: [warmContainer('w', { [gpuResource('0')]: 8 * GIB }, { pipelineId: 'quick' })] }]);
    const decision = schedule(passedOver(BYPASS_LIMIT, small('x', { pipelineId: 'quick' })), state, ALL);
    expect([started(decision), kept(decision)]).toEqual(['', 'big a gpu:0']);
  });

  test('keeps no more than a quarter of the devices at a time', () => {
    const devices = Array.from({ length: 8 }, (_, index) => device(`${index}`, 24, 8));
    const waiting = Array.from({ length: 5 }, (_, index) => big(`big${index}`, { projectId: `p${index}` }));
    const line = passedOver(BYPASS_LIMIT, ...waiting);
    const decision = schedule(line, cluster([host('a', { devices })]), ALL);
    expect(decision.reservations).toHaveLength(2);
  });

  test('keeps a host’s cores and memory for one without GPU', () => {
    const state = cluster([host('a', { cpu: { total: 8000, leased: 6000 } })]);
    const line = lineOf(waitingTask('large', { demand: onCores(4, 4) }), waitingTask('x', { demand: onCores(1, 1), submittedAt: 9 }));
    for (let index = 0; index < BYPASS_LIMIT; index++) {
      line.add(waitingTask(`gone${index}`, { demand: onCores(1, 1), submittedAt: 9 }));
      line.noteStart({ taskId: `gone${index}`, resources: [CPU, MEMORY] }, 'a', state);
    }
    const decision = schedule(line, state, ALL);
    expect([started(decision), kept(decision)]).toEqual(['', 'large a cpu memory']);
  });

  test.each([[1, 24], [4, 24], [4, 30], [8, 48]])('starts a big one among an endless stream of small ones, with so many bypasses at most: %i devices, %i GiB', (count, gib) => {
    let state = cluster([host('a', { devices: Array.from({ length: count }, (_, index) => device(`${index}`, 48)) })], { standard: { running: 0, limit: 1000 } });
    const line = lineOf(...Array.from({ length: 50 }, (_, index) => small(`s${index}`, { submittedAt: index })));
    const running: Schedule['starts'][number][] = [];
    let passed = 0;
    let bigStarted = false;
    for (let round = 0; round < 1000 && !bigStarted; round++) {
      if (round === 100) line.add(big('big', { demand: onGpus(gib), submittedAt: round }));
      passed = Math.max(passed, line.bypassesOf('big'));
      const decision = schedule(line, state, { most: 1 });
      for (const { task, placement } of decision.starts) {
        line.noteStart({ taskId: task.taskId, resources: Object.keys(placement.amounts) }, 'a', state);
        line.add(small(`later${round}`, { submittedAt: 100 + round }));
        if (task.taskId === 'big') bigStarted = true;
      }
      state = after(state, decision);
      running.push(...decision.starts);
      // Each round one ends, and not the eldest: one after another on all devices.
      const [ended] = decision.starts.length === 0 ? running.splice((round * 7) % Math.max(1, running.length), 1) : [];
      if (ended === undefined) continue;
      const { task, placement } = ended;
      const giveBack = Object.fromEntries(Object.entries(placement.amounts).map(([resource, amount]) => [resource, -amount]));
      state = { hosts: state.hosts.map((each) => occupy(each, { ...placement, amounts: giveBack })), tiers: { ...state.tiers, standard: { ...state.tiers.standard, running: state.tiers[task.tier].running - 1 } } };
    }
    expect(bigStarted).toBe(true);
    expect(passed).toBeGreaterThan(0);
    expect(passed).toBeLessThanOrEqual(BYPASS_LIMIT);
  });
});

const anyTask = fc.record({
  tier: fc.constantFrom(...QUALITY_TIERS), priority: fc.constantFrom(...TASK_PRIORITIES), projectId: fc.constantFrom('film', 'series', 'other'), pipelineId: fc.constantFrom('flux', 'other'), submittedAt: fc.nat(20), demand: anyDemand,
});
/** The task `t` is one for which {@link anyHosts} keep something. */
const anyTasks = fc.array(anyTask, { maxLength: 15 }).map((given) => given.map((task, index): WaitingTask => ({ taskId: index === 0 ? 't' : `t${index}`, ...task })));
const anyTier = fc.record({ running: fc.nat(2), limit: fc.nat(4) });
const anyState = fc.record({ hosts: anyHosts, tiers: fc.record({ low: anyTier, standard: anyTier, high: anyTier, premium: anyTier }) });
const anyMost = fc.constantFrom(1, 2, Number.POSITIVE_INFINITY);
/** Makes some of them overdue: a start of nothing on every resource that there is, so often. */
function passAll(line: WaitingLine, state: ClusterState, times: number): void {
  for (let index = 0; index < times; index++) {
    for (const { hostId, devices } of state.hosts) {
      for (const demand of [onGpus(0), onCores(0, 0)]) {
        line.add(waitingTask('passing', { demand, projectId: 'film', submittedAt: 1e9, priority: 'low', tier: 'low' }));
        line.noteStart({ taskId: 'passing', resources: [CPU, MEMORY, ...devices.map(({ id }) => gpuResource(id))] }, hostId, { ...state, tiers: cluster([]).tiers });
      }
    }
  }
}

describe('schedule, whatever waits and is there', () => {
  test('gives no more than there is, of nothing that is kept for another, to no more of a tier than may run, and each task once', () => {
    fc.assert(
      fc.property(anyTasks, anyState, anyMost, fc.nat(2), (tasks, state, most, passes) => {
        const line = lineOf(...tasks);
        passAll(line, state, passes);
        const { starts, reservations } = schedule(line, state, { most, bypassLimit: 2 });
        expect(starts.length).toBeLessThanOrEqual(most);
        expect(new Set(starts.map(({ task }) => task.taskId)).size).toBe(starts.length);
        const keptFor = new Map<string, string>();
        for (const { task, hostId, resources } of reservations) {
          expect(line.has(task.taskId) && !starts.some((start) => start.task === task)).toBe(true);
          for (const resource of resources) {
            expect(keptFor.has(`${hostId} ${resource}`)).toBe(false);
            keptFor.set(`${hostId} ${resource}`, task.taskId);
          }
        }
        let { hosts } = state;
        for (const { task, placement } of starts) {
          const on = hosts.find(({ hostId }) => hostId === placement.hostId);
          if (on === undefined) throw new Error('no such host');
          expect([...placement.evict, ...(placement.warm === undefined ? [] : [placement.warm])].every((container) => on.warm.includes(container))).toBe(true);
          const next = occupy(on, placement);
          const got = new Set(Object.keys(placement.warm?.amounts ?? placement.amounts));
          for (const [resource, { total, leased, reservedFor }] of resourcesOf(next)) {
            expect(leased).toBeLessThanOrEqual(total);
            if (!got.has(resource)) continue;
            expect([undefined, task.taskId]).toContain(reservedFor);
            expect([undefined, task.taskId]).toContain(keptFor.get(`${on.hostId} ${resource}`));
          }
          hosts = hosts.map((each) => (each === on ? next : each));
        }
        for (const tier of QUALITY_TIERS) {
          const started = starts.filter(({ task }) => task.tier === tier).length;
          if (started > 0) expect(state.tiers[tier].running + started).toBeLessThanOrEqual(state.tiers[tier].limit);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('decides until nobody waits who could start, and says of everybody why not', () => {
    fc.assert(
      fc.property(anyTasks, anyState, (tasks, given) => {
        const line = lineOf(...tasks);
        let state: ClusterState = given;
        let decision = schedule(line, state, ALL);
        // What was kept for one that has started is free for others from the next decision on.
        for (; decision.starts.length > 0; decision = schedule(line, state, ALL)) {
          for (const { task, placement } of decision.starts) line.noteStart({ taskId: task.taskId, resources: Object.keys(placement.amounts) }, placement.hostId, state);
          state = after(state, decision);
        }
        for (const group of line.groups()) {
          const head = group.at(0);
          if (head === undefined) throw new Error('an empty group');
          const isFull = state.tiers[head.tier].running >= state.tiers[head.tier].limit;
          const placement = place(head, state.hosts);
          expect(isFull || placement.kind === 'wait').toBe(true);
          expect(decision.reasonFor(head)).toEqual(isFull ? { kind: 'tier-limit', tier: head.tier, limit: state.tiers[head.tier].limit } : placement.kind === 'wait' && placement.reason);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('what comes first in order and has a place is started first, or near enough and is awaited', () => {
    fc.assert(
      fc.property(anyTasks, anyState, (given, state) => {
        const tasks = given.map((task) => ({ ...task, taskId: `nothing kept ${task.taskId}` }));
        const heads = [...lineOf(...tasks).groups()].flatMap((group) => {
          const head = group.at(0);
          const { running, limit } = state.tiers[group.tier];
          return head !== undefined && running < limit && place(head, state.hosts).kind === 'placed' ? [{ head, cost: turnCost(head.tier, head.priority), rank: group.rank(head) }] : [];
        });
        // Nobody has had anything yet: the project with the cheapest start, of equals the one whose first is the oldest; of that project its first.
        const firsts = ['film', 'series', 'other'].flatMap((projectId) => {
          const own = heads.filter(({ head }) => head.projectId === projectId);
          const [first] = own.sort((a, b) => a.rank - b.rank || a.head.submittedAt - b.head.submittedAt || (a.head.taskId < b.head.taskId ? -1 : 1));
          return first === undefined ? [] : [{ head: first.head, turn: Math.min(...own.map(({ cost }) => cost)) }];
        });
        firsts.sort((a, b) => a.turn - b.turn || a.head.submittedAt - b.head.submittedAt || (a.head.taskId < b.head.taskId ? -1 : 1));
        // Of those whose turns are near enough, one that is awaited before others.
        const expected = firsts.find(({ head, turn }) => turn <= (firsts[0]?.turn ?? 0) + WARM_LEAD && warmPlace(head, state.hosts) !== undefined) ?? firsts[0];
        expect(schedule(lineOf(...tasks), state, { most: 1 }).starts.map(({ task }) => task)).toEqual(expected === undefined ? [] : [expected.head]);
      }),
      { numRuns: 1000 },
    );
  });

  test('the same line and cluster lead to the same decision, in whatever order the tasks came', () => {
    const plain = ({ starts, reservations }: { starts: Schedule['starts']; reservations: readonly Reservation[] }): unknown => structuredClone({ starts, reservations });
    fc.assert(
      fc.property(anyTasks, anyState, anyMost, fc.nat(2), (tasks, state, most, passes) => {
        const [one, other] = [lineOf(...tasks), lineOf(...structuredClone(tasks).reverse())];
        for (const line of [one, other]) passAll(line, state, passes);
        const decision = plain(schedule(one, state, { most, bypassLimit: 2 }));
        expect(plain(schedule(other, structuredClone(state), { most, bypassLimit: 2 }))).toEqual(decision);
        expect(plain(schedule(one, state, { most, bypassLimit: 2 }))).toEqual(decision);
      }),
      { numRuns: 300 },
    );
  });
});
