// @ts-check
import { describe, expect, test } from '@jest/globals';
import { gpuResource } from '@function-runner/scheduling';
import { plainTrace } from './plain-trace.fixture.mjs';
import { readTrace } from './read-trace.mjs';
import { waitMs } from './run-metrics.mjs';
import { simulateTrace } from './simulate-trace.mjs';
import { newPolicy } from './simulation-policies.mjs';

/** @typedef {import('./simulate-trace.mjs').Policy} Policy */
/** @typedef {import('@function-runner/scheduling').Placed} Placed */
/** @typedef {import('@function-runner/scheduling').WaitingTask} WaitingTask */

const GPU = gpuResource('GPU-0');
const warmOnes = { coldStartSeconds: 5, warm: 'project' };

/** @param {Record<string, unknown>} other */
const traceWith = (other) => readTrace(plainTrace(other), 'x.json');

/** @param {import('./read-trace.mjs').Trace} trace what each task waited, in the order of submission, seconds */
const waitsOf = (trace) => simulateTrace(trace, newPolicy('first-fit')).sort((one, other) => (one.task.taskId < other.task.taskId ? -1 : 1)).map((outcome) => waitMs(outcome) / 1000);

describe('simulateTrace', () => {
  test('a task of the same project goes on in a warm container', () => {
    const pipelines = { small: { tier: 'low', vramGiB: 12, ...warmOnes } };
    const tasks = [['a', 0], ['a', 20], ['b', 40]].map(([project, at]) => ({ at, project, pipeline: 'small', seconds: 10 }));
    expect(waitsOf(traceWith({ pipelines, tasks }))).toEqual([5, 0, 5]);
  });

  test('of a pipeline for all, so does any project’s', () => {
    const pipelines = { small: { tier: 'low', vramGiB: 12, ...warmOnes, warm: 'any' } };
    const tasks = [['a', 0], ['b', 20]].map(([project, at]) => ({ at, project, pipeline: 'small', seconds: 10 }));
    expect(waitsOf(traceWith({ pipelines, tasks }))).toEqual([5, 0]);
  });

  test('a container ends when it has been idle for too long, is one too many, or is in the way', () => {
    const pipelines = { small: { tier: 'low', vramGiB: 12, ...warmOnes }, big: { tier: 'low', vramGiB: 24 } };
    const small = { project: 'a', pipeline: 'small', seconds: 10 };
    // Idle from 15 on, for 30 s at the most.
    expect(waitsOf(traceWith({ pipelines, warm: { idleSeconds: 30 }, tasks: [{ ...small, at: 0 }, { ...small, at: 45 }] }))).toEqual([5, 5]);
    expect(waitsOf(traceWith({ pipelines, warm: { idleSeconds: 30 }, tasks: [{ ...small, at: 0 }, { ...small, at: 44 }] }))).toEqual([5, 0]);
    // b's takes a's place among those that are kept.
    const both = [{ ...small, at: 0 }, { ...small, at: 20, project: 'b' }, { ...small, at: 40 }];
    expect(waitsOf(traceWith({ pipelines, warm: { perHost: 1 }, tasks: both }))).toEqual([5, 5, 5]);
    expect(waitsOf(traceWith({ pipelines, warm: { perHost: 2 }, tasks: both }))).toEqual([5, 5, 0]);
    // A big task needs its memory.
    expect(waitsOf(traceWith({ pipelines, tasks: [{ ...small, at: 0 }, { at: 20, project: 'b', pipeline: 'big', seconds: 1 }, { ...small, at: 40 }] }))).toEqual([5, 0, 5]);
  });

  test('no more of a tier run than may', () => {
    const tasks = [0, 0, 0].map((at) => ({ at, project: 'a', pipeline: 'small', seconds: 10 }));
    expect(waitsOf(traceWith({ tiers: { low: { maxConcurrent: 1 } }, pipelines: { small: { tier: 'low', vramGiB: 2 } }, tasks }))).toEqual([0, 10, 20]);
  });

  describe('does not believe a policy', () => {
    const trace = traceWith({});

    /** @param {(waiting: readonly WaitingTask[]) => import('./simulate-trace.mjs').Decision} decide @returns {Policy} */
    const policyOf = (decide) => {
      /** @type {WaitingTask[]} */
      const waiting = [];
      return {
        submitted: (task) => void waiting.push(task),
        decide: () => decide(waiting),
        started: ({ task }) => void (waiting.includes(task) && waiting.splice(waiting.indexOf(task), 1)),
        passedOver: () => 0,
      };
    };
    /** @param {WaitingTask} task @param {Partial<Placed>} [other] */
    const start = (task, other = {}) => ({ task, placement: /** @type {Placed} */ ({ kind: 'placed', hostId: 'box', devices: ['GPU-0'], amounts: { [GPU]: task.demand.vramBytes }, evict: [], ...other }) });
    /** @param {Partial<Placed>} other */
    const startsAll = (other = {}) => policyOf((waiting) => ({ starts: waiting.map((task) => start(task, other)), reservations: [] }));

    test('that gives more of a device than there is', () => expect(() => simulateTrace(trace, startsAll())).toThrow(/leased of/));
    test('that gives a device that there is not', () => expect(() => simulateTrace(trace, startsAll({ amounts: { [gpuResource('GPU-9')]: 1 } }))).toThrow(/box has no gpu:GPU-9/));
    test('that starts nobody', () => expect(() => simulateTrace(trace, policyOf(() => ({ starts: [], reservations: [] })))).toThrow(/4 tasks were never started, t000000/));
    test('that starts more of a tier than may run', () => {
      const free = startsAll({ amounts: { [GPU]: 1 } });
      expect(() => simulateTrace(traceWith({ tiers: { low: { maxConcurrent: 1 }, high: { maxConcurrent: 1 } } }), free)).toThrow(/2 tasks of the tier low run, more than 1/);
    });

    test('that starts a task twice', () => {
      const twice = policyOf((waiting) => ({ starts: waiting.flatMap((task) => [start(task), start(task)]), reservations: [] }));
      expect(() => simulateTrace(trace, twice)).toThrow(/t000000 was to be started and does not wait/);
    });

    test('that gives away what it keeps for another task', () => {
      const faithless = policyOf((waiting) => {
        const [first, second] = waiting;
        if (first?.taskId === 't000000') return { starts: [start(first, { amounts: { [GPU]: 1 } })], reservations: [] };
        return { starts: second ? [start(second, { amounts: { [GPU]: 1 } })] : [], reservations: first ? [{ task: first, hostId: 'box', resources: [GPU] }] : [] };
      });
      expect(() => simulateTrace(trace, faithless)).toThrow(/t000002 got gpu:GPU-0, which is kept for t000001/);
    });

    test('that goes on in a container that is not there', () => {
      const warm = /** @type {Placed['warm']} */ ({ leaseId: 'l9', workerId: 'box', pipelineId: 'small', projectId: 'a', devices: ['GPU-0'], amounts: { [GPU]: 1 }, idleSince: 0, pinned: false });
      expect(() => simulateTrace(trace, startsAll({ amounts: {}, warm }))).toThrow(/l9 is no warm container for t000000/);
      expect(() => simulateTrace(trace, startsAll({ evict: warm ? [warm] : [] }))).toThrow(/l9 was to be ended and is not idle/);
    });
  });
});
