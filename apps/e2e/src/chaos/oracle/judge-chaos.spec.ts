import type { TaskEvent, TaskSummary } from '@function-runner/progress-protocol';
import type { AskedTask } from '../clients/asked-task.js';
import { Ear } from '../clients/ear.js';
import type { FaultRecord } from '../faults/fault-record.js';
import { CHAOS_NODE_TYPES } from '../pipelines/chaos-node-types.js';
import { expectedTake } from '../pipelines/expected-take.js';
import type { ChaosFacts } from './chaos-facts.js';
import { judgeChaos } from './judge-chaos.js';
import type { OracleRule } from './violation.js';

const WORK = { seed: 's', ms: 1, files: 2, bytes: 5, fails: false };
const FILES = expectedTake(WORK);
const NOON = Date.parse('2026-01-01T12:00:00.000Z');

const at = (seconds: number): string => new Date(NOON + seconds * 1000).toISOString();

function event(seq: number, status: string, more: object = {}): TaskEvent {
  const result = status === 'completed' ? { result: { outputPath: '/workspace/Film/outputs/renders/n/t', outputs: FILES.map((file) => ({ ...file, mediaType: 'text/plain' })), metadata: {} } } : {};
  return { task_id: 't', node_id: 'n', project_id: 'p', seq, status, attempt: seq === 1 ? 0 : 1, progress: 0, step: '', timestamp: at(seq), ...result, ...more } as unknown as TaskEvent;
}

const WHOLE = [event(1, 'queued'), event(2, 'preparing'), event(3, 'running'), event(4, 'completed')];

function asked(changes: Partial<AskedTask> = {}): AskedTask {
  return {
    planned: { requestId: 'r', nodeId: 'n', nodeType: CHAOS_NODE_TYPES.job, work: WORK, priority: 'normal' }, editor: 'editor-1', projectId: 'p', projectName: 'Film', batchId: undefined,
    acknowledgements: [{ taskId: 't', at: NOON }], lost: [], cancelAsked: false, refusals: {}, ...changes,
  };
}

function ear(events: readonly TaskEvent[], name = 'editor-1'): Ear {
  const listener = new Ear(name);
  for (const { seq, status, attempt, progress, timestamp } of events) listener.hear({ name: 'task_progress', payload: { taskId: 't', seq, status, attempt, progress, timestamp } }, 1);
  return listener;
}

function fault(changes: Partial<FaultRecord>): FaultRecord {
  return { atMs: 0, kind: 'redis-killed', lastsMs: 0, aim: 0, target: 'redis', struckAt: NOON, healedAt: NOON, effect: { proof: 'seen' }, ...changes };
}

/** A run of one task in which all is well. */
function facts(changes: Partial<ChaosFacts> & { events?: readonly TaskEvent[] } = {}): ChaosFacts {
  const { events = WHOLE, ...rest } = changes;
  const last = events.at(-1);
  const ears = [ear(events)];
  const summary = { taskId: 't', requestId: 'r', status: last?.status, lastSeq: last?.seq, attempt: last?.attempt } as unknown as TaskSummary;
  return {
    faults: [], asked: [asked()], wrongs: [], ears, attentive: rest.ears ?? ears, logs: new Map([['t', events]]), answers: new Map([['api-1', new Map([['t', summary]])]]), jobs: [],
    takes: last?.status === 'completed' ? [{ projectName: 'Film', nodeId: 'n', taskId: 't', files: FILES }] : [],
    strays: [], containers: [], leases: [], selfEnds: [], badEnds: [], unready: [], ...rest,
  };
}

const failed = (code: string, error: string): TaskEvent => event(4, 'failed', { code, error });
const until = (end: TaskEvent): TaskEvent[] => [...WHOLE.slice(0, 3), end];

describe('judgeChaos', () => {
  it.each<[string, ChaosFacts]>([
    ['a whole run', facts()],
    ['a cancel that was asked for', facts({ events: until(event(4, 'cancelled')), asked: [asked({ cancelAsked: true })] })],
    ['a task that was to be cancelled, and was faster', facts({ asked: [asked({ cancelAsked: true })] })],
    ['a failure on purpose', facts({ events: until(failed('CONTAINER_EXITED', 'the pipeline reported ON_PURPOSE: as told')), asked: [asked({ planned: { ...asked().planned, work: { ...WORK, fails: true } } })] })],
    ['the failure of a task whose container was killed', facts({ events: until(failed('CONTAINER_EXITED', 'the pipeline was killed from outside')), faults: [fault({ kind: 'container-killed', effect: { proof: '137', killedContainer: { taskId: undefined } } })] })],
    ['a listener that left early', facts({ ears: [ear(WHOLE.slice(0, 2), 'newcomer-1')], attentive: [] })],
    ['a watcher that came late', facts({ ears: [ear(WHOLE.slice(2), 'watcher of p')] })],
  ])('takes %s', (_what, run) => {
    expect(judgeChaos(run).violations).toEqual([]);
  });

  it.each<[string, OracleRule, ChaosFacts]>([
    ['a fault that did not fire', 'fired', facts({ faults: [{ ...fault({ failure: 'no container' }) }] })],
    ['a request that was never acknowledged', 'acknowledged', facts({ asked: [asked(), asked({ planned: { ...asked().planned, requestId: 'other' }, acknowledgements: [] })] })],
    ['an acknowledged task that is not there', 'acknowledged', facts({ asked: [asked(), asked({ planned: { ...asked().planned, requestId: 'other' }, acknowledgements: [{ taskId: 'gone', at: NOON }] })] })],
    ['two tasks for one request', 'acknowledged', facts({ logs: new Map([['t', WHOLE], ['u', WHOLE]]), asked: [asked({ acknowledgements: [{ taskId: 't', at: NOON }, { taskId: 'u', at: NOON }] })] })],
    ['a task that nobody asked for', 'acknowledged', facts({ asked: [] })],
    ['a refusal without a reason', 'acknowledged', facts({ wrongs: ['r was refused with VALIDATION_FAILED'] })],
    ['no end', 'ended', facts({ events: WHOLE.slice(0, 3) })],
    ['two ends', 'ended', facts({ events: [...until(event(4, 'cancelled')), event(5, 'completed')] })],
    ['an event after the end', 'ended', facts({ events: [...WHOLE, event(5, 'running')] })],
    ['a hole in the log', 'ended', facts({ events: [event(1, 'queued'), event(3, 'completed')] })],
    ['a gap at a client', 'heard', facts({ ears: [ear([WHOLE[0] ?? event(1, ''), ...WHOLE.slice(2)])] })],
    ['a repetition at a client', 'heard', facts({ ears: [ear([...WHOLE.slice(0, 2), ...WHOLE])] })],
    ['another event than is stored', 'heard', facts({ ears: [ear([event(1, 'queued', { progress: 3 }), ...WHOLE.slice(1)])] })],
    ['an end that a client was not told', 'heard', facts({ ears: [ear(WHOLE.slice(0, 3))] })],
    ['a job that is left', 'agreement', facts({ jobs: ['active quality_low/t'] })],
    ['an api that says otherwise', 'agreement', facts({ answers: new Map([['api-1', new Map([['t', { requestId: 'r', status: 'running', lastSeq: 3, attempt: 1 } as unknown as TaskSummary]])]]) })],
    ['a missing take', 'takes', facts({ takes: [] })],
    ['a partial take', 'takes', facts({ takes: [{ projectName: 'Film', nodeId: 'n', taskId: 't', files: FILES.slice(1) }] })],
    ['a wrong file', 'takes', facts({ takes: [{ projectName: 'Film', nodeId: 'n', taskId: 't', files: FILES.map((file) => ({ ...file, sha256: '0'.repeat(64) })) }] })],
    ['a double take', 'takes', facts({ takes: ['n', 'm'].map((nodeId) => ({ projectName: 'Film', nodeId, taskId: 't', files: FILES })) })],
    ['the take of a cancelled task', 'takes', facts({ events: until(event(4, 'cancelled')), asked: [asked({ cancelAsked: true })], takes: [{ projectName: 'Film', nodeId: 'n', taskId: 't', files: FILES }] })],
    ['a take of nobody', 'takes', facts({ takes: [...facts().takes, { projectName: 'Film', nodeId: 'n', taskId: 'x', files: [] }] })],
    ['a staging folder that is left', 'takes', facts({ strays: ['Film/outputs/.staging'] })],
    ['a failure that a fault made', 'outcome', facts({ events: until(failed('INTERNAL', 'socket hang up')) })],
    ['a task that was given up', 'outcome', facts({ events: until(failed('WORKER_LOST', 'too often')) })],
    ['a cancel that nobody asked for', 'outcome', facts({ events: until(event(4, 'cancelled')) })],
    ['a success that should have failed', 'outcome', facts({ asked: [asked({ planned: { ...asked().planned, work: { ...WORK, fails: true } } })] })],
    ['a killed container that another kill explains', 'outcome', facts({ events: until(failed('CONTAINER_EXITED', 'the pipeline was killed from outside')), faults: [fault({ kind: 'container-killed', effect: { proof: '137', killedContainer: { taskId: 'another' } } })] })],
    ['a container', 'left', facts({ containers: ['t.1'] })],
    ['a lease', 'left', facts({ leases: ['{}'] })],
    ['a process that gave up', 'processes', facts({ selfEnds: [{ app: 'worker-1', code: 1, signal: null, at: NOON, wasReady: true, logTail: '' }] })],
    ['a process that would not end', 'processes', facts({ badEnds: ['api-1 ended with SIGKILL'] })],
  ])('finds %s', (_what, rule, run) => {
    expect(judgeChaos(run).violations.map((violation) => violation.rule)).toContain(rule);
  });

  it('excuses, and counts, what a killed Redis may have forgotten', () => {
    const lost = asked({ planned: { ...asked().planned }, acknowledgements: [{ taskId: 'gone', at: NOON - 500 }, { taskId: 't', at: NOON + 1000 }], lost: ['gone'] });
    const verdict = judgeChaos(facts({ asked: [lost], faults: [fault({})] }));
    expect(verdict).toMatchObject({ violations: [], forgottenTasks: 1 });
    expect(judgeChaos(facts({ asked: [lost], faults: [fault({ kind: 'redis-frozen' })] })).violations).toHaveLength(1);
    expect(judgeChaos(facts({ asked: [lost], faults: [fault({ struckAt: NOON + 60_000 })] })).violations).toHaveLength(1);
  });

  it('excuses a story that was told before the kill, and not one after', () => {
    const told = ear([...WHOLE.slice(0, 2), event(3, 'running', { progress: 7 }), ...WHOLE.slice(2)]);
    expect(judgeChaos(facts({ ears: [told], faults: [fault({ struckAt: NOON + 3500 })] }))).toMatchObject({ violations: [], forgottenStories: 1 });
    expect(judgeChaos(facts({ ears: [told], faults: [fault({ struckAt: NOON + 60_000 })] })).violations).toHaveLength(1);
  });
});
