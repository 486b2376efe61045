// @ts-check
import { describe, expect, test } from '@jest/globals';
import { plainTrace } from './plain-trace.fixture.mjs';
import { readTrace } from './read-trace.mjs';
import { GIB } from './trace-units.mjs';

const task = { at: 0, project: 'a', pipeline: 'small', seconds: 10 };
const stream = { seed: 1, count: 3, projects: { a: 1 }, mix: [{ pipeline: 'small', share: 1, seconds: { median: 10 } }], arrivals: { kind: 'poisson', perHour: 60 } };
const host = { name: 'box', devices: [], cpus: 8, memoryGiB: 32 };
const device = { id: 'GPU-0', name: '24 GiB', vramGiB: 24 };

describe('readTrace', () => {
  test('counts in milliseconds, bytes and thousandths of a core, and orders tasks by time', () => {
    const trace = readTrace(plainTrace({ tasks: [{ at: 3.5, project: 'a', tier: 'high', pipeline: 'small', priority: 'low', seconds: 0.25 }, { ...task, at: 1 }, { ...task, at: 1, project: 'b' }] }), 'x.json');
    expect(trace.tasks).toEqual([
      { taskId: 't000000', at: 1000, projectId: 'a', tier: 'low', pipelineId: 'small', priority: 'normal', durationMs: 10_000 },
      { taskId: 't000001', at: 1000, projectId: 'b', tier: 'low', pipelineId: 'small', priority: 'normal', durationMs: 10_000 },
      { taskId: 't000002', at: 3500, projectId: 'a', tier: 'high', pipelineId: 'small', priority: 'low', durationMs: 250 },
    ]);
    expect(trace.hosts).toEqual([{ name: 'box', devices: [{ id: 'GPU-0', name: '24 GiB', vramBytes: 24 * GIB }], cpuMillis: 8000, memoryBytes: 32 * GIB }]);
    expect(trace.limits).toEqual({ low: 4, standard: 0, high: 2, premium: 0 });
    expect(trace.warm).toEqual({ perHost: 4, idleMs: 600_000 });
  });

  test('reads what a pipeline wants', () => {
    const pipelines = {
      small: { vramGiB: 12, tier: 'low', coldStartSeconds: 1.5, warm: 'project' },
      plain: { vramGiB: 0, cpu: 0.5, memoryGiB: 4 },
      two: { vramGiB: 8, gpus: 1, splittable: true },
    };
    expect(Object.fromEntries(readTrace(plainTrace({ pipelines, tasks: [task] }), 'x.json').pipelines)).toEqual({
      small: { tier: 'low', demand: { gpus: 1, vramBytes: 12 * GIB, splittable: false, cpuMillis: 0, memoryBytes: 0 }, coldStartMs: 1500, warm: 'project' },
      plain: { tier: undefined, demand: { gpus: 0, vramBytes: 0, splittable: false, cpuMillis: 500, memoryBytes: 4 * GIB }, coldStartMs: 0, warm: undefined },
      two: { tier: undefined, demand: { gpus: 1, vramBytes: 8 * GIB, splittable: true, cpuMillis: 0, memoryBytes: 0 }, coldStartMs: 0, warm: undefined },
    });
  });

  /** @type {[string, Record<string, unknown>, string, RegExp][]} what is wrong, the field that is named, what would be right */
  const wrong = [
    ['a slip of the pen', { task: [] }, 'task is', /may have: name, .*tasks/],
    ['no tasks', { tasks: [] }, 'tasks is []', /at least one/],
    ['neither tasks nor a way to draw them', { tasks: undefined }, 'tasks is missing', /either "tasks" or "synthetic"/],
    ['both', { synthetic: stream }, 'tasks is ', /either "tasks" or "synthetic"/],
    ['a name that no figure can bear', { name: 'One Box' }, 'name is "One Box"', /small letters/],
    ['no description', { description: undefined }, 'description is missing', /text/],
    ['no hosts', { hosts: {} }, 'hosts is {}', /list/],
    ['a device of nothing', { hosts: [{ ...host, devices: [{ ...device, vramGiB: 0 }] }] }, 'hosts[0].devices[0].vramGiB is 0', /number of GiB, more than 0/],
    ['two devices of one id', { hosts: [{ ...host, devices: [device, device] }] }, 'hosts[0].devices[1].id is "GPU-0"', /No two/],
    ['a tier that there is not', { tiers: { ultra: { maxConcurrent: 1 } } }, 'tiers.ultra is ', /low, standard, high, premium/],
    ['a tier that takes nothing', { tiers: { low: { maxConcurrent: 0 } } }, 'tiers.low.maxConcurrent is 0', /at least 1/],
    ['a pipeline that fits nowhere', { pipelines: { small: { vramGiB: 25 } } }, 'pipelines.small is ', /big enough/],
    ['a pipeline of two devices where there is one', { pipelines: { small: { vramGiB: 1, gpus: 2 } } }, 'pipelines.small is ', /big enough/],
    ['a pipeline of more cores than a host has', { pipelines: { small: { vramGiB: 0, cpu: 9 } } }, 'pipelines.small is ', /big enough/],
    ['several devices that are split', { pipelines: { small: { vramGiB: 1, gpus: 2, splittable: true } } }, 'pipelines.small.splittable is true', /one device/],
    ['a cold start back in time', { pipelines: { small: { vramGiB: 1, coldStartSeconds: -1 } } }, 'pipelines.small.coldStartSeconds is -1', /at least 0/],
    ['a task of no pipeline', { tasks: [task, { ...task, pipeline: 'huge' }] }, 'tasks[1].pipeline is "huge"', /one of: small, big/],
    ['a task of a tier that the trace has not', { tasks: [{ ...task, tier: 'premium' }] }, 'tasks[0].tier is "premium"', /one of: low, high/],
    ['a task of no duration', { tasks: [{ ...task, seconds: 0 }] }, 'tasks[0].seconds is 0', /at least 0.001/],
    ['a task whose time is a text', { tasks: [{ ...task, at: '3' }] }, 'tasks[0].at is "3"', /number of seconds/],
    ['a priority that there is not', { tasks: [{ ...task, priority: 'urgent' }] }, 'tasks[0].priority is "urgent"', /high, normal, low/],
    ['a seed that is none', { tasks: undefined, synthetic: { ...stream, seed: 1.5 } }, 'synthetic.seed is 1.5', /whole number/],
    ['a share of nothing', { tasks: undefined, synthetic: [stream, { ...stream, mix: [{ ...stream.mix[0], share: 0 }] }] }, 'synthetic[1].mix[0].share is 0', /more than 0/],
    ['arrivals of no kind', { tasks: undefined, synthetic: { ...stream, arrivals: { kind: 'poison', perHour: 1 } } }, 'synthetic.arrivals.kind is "poison"', /poisson, bursts, batch/],
    ['bursts of no size', { tasks: undefined, synthetic: { ...stream, arrivals: { kind: 'bursts', perHour: 1 } } }, 'synthetic.arrivals.size is missing', /number of tasks/],
    ['nobody', { tasks: undefined, synthetic: { ...stream, projects: {} } }, 'synthetic.projects is {}', /a project/],
  ];
  test.each(wrong)('%s: names the field and what would be right', (_what, fields, named, right) => {
    expect(() => readTrace(plainTrace(fields), 'x.json')).toThrow(expect.objectContaining({ message: expect.stringContaining(`x.json: ${named}`), mend: expect.stringMatching(right) }));
  });
});
