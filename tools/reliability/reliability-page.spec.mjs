// @ts-check
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { repositoryRoot } from '../setup/runner-paths.mjs';
import { readFaultTable } from './fault-table.mjs';
import { testTitles } from './test-titles.mjs';

/**
 * The closed list: whoever finds a fault that is not on it adds it here, and on the page with the test that makes it happen.
 * @type {Record<string, string[]>}
 */
const FAULTS = {
  Redis: [
    'restarted, with AOF',
    'away for longer than a lock lasts',
    'away when a task is submitted',
    'keeps nothing on disk',
    'may evict',
    'full, and a task is submitted',
    'full, and a task runs',
    'frozen for longer than a lock lasts',
    'slow, 200 ms a trip',
    'cut in the midst of answers',
    'half open',
    'failed over to a replica',
    'pub/sub connections killed alone',
    'scripts flushed',
    'killed, and its last second lost',
    'connection cut after a command, its answer lost',
    'event stream trimmed',
    'queue obliterated',
    'password wrong',
    'rights missing, or TLS that does not fit',
  ],
  Workers: [
    'killed in the middle of a run',
    'killed again and again by one task',
    'killed, and its task cancelled meanwhile',
    'SIGTERM with a short task',
    'SIGTERM with a long task',
    'second SIGTERM or SIGINT during the drain',
    'SIGTERM while Redis hangs',
    'SIGTERM while the container engine hangs',
    'event loop blocked for longer than a lock lasts',
    'lock key deleted',
    'heap exhausted, unhandled rejection',
    'frozen (SIGSTOP)',
    'two workers, one GPU',
    'owner of a lease dies',
    'lease runs out while its container lives',
    'newer attempt begun',
    'file descriptors exhausted',
    '1,000 tasks',
    'cancel before the start',
    'cancel during preparation and create',
    'cancel of a running task',
    'cancel at the moment of finishing',
    'cancel sent many times at once',
    'cancel whose api is killed',
    'worker killed between the mark and the stop of a cancel',
    'cancel of an ended task',
    'time-out of a container that ignores SIGTERM',
    'warm container used by another task before',
  ],
  'Container engine': [
    'daemon restarted or killed, without live-restore',
    'daemon restarted, with live-restore',
    'daemon killed, with live-restore',
    'daemon restarted under a warm container',
    'daemon away while a task is timed out, cancelled or drained',
    'daemon away',
    'daemon unresponsive',
    'reply to a create lost',
    'stream from the daemon cut',
    'image missing',
    'command that cannot be started',
    'out of memory in the main process',
    'out of memory in a child, and the parent ends well',
    'killed from outside',
    'hang',
    'flood of output',
    'line without an end',
    'split UTF-8, and bytes that are none',
    'forged protocol lines',
    'zombies and grandchildren (fork + setsid)',
    'fork bomb',
    'ignores SIGTERM',
    'disk full in the workspace',
    'disk full in Docker’s own root',
    'GPU lost',
    'no GPU runtime',
    'container, folder or lease without a task',
  ],
  'Apis and clients': [
    'api killed in the middle of a task',
    'replica lost with 200 sockets',
    'client away for a moment',
    'client away for 1 s, 2 min, 1 h',
    'resume from any seq, at any api',
    'resume of a long past',
    'pub/sub lost soon after an api’s start',
    'history lost in a failover',
    'submit sent again, its acknowledgement lost',
    'submit sent again while its first try is under way',
    'submit sent again after the task ended and its job is gone',
    'crash between reservation, record and job',
    'job without a state, state without a job',
    'batch whose api died',
    'client that does not read',
    'flood of starts by one project',
    'queue full',
    'no acknowledgement function, or a wrong one',
    'SIGTERM of an api',
    'rolling restart of two apis',
  ],
  Inputs: [
    'path up, absolute, encoded, with backslash or NUL',
    'symbolic link that leads out',
    'symbolic link put in place of an input during the run',
    'symbolic link put among the outputs during the run',
    'request beyond the limit',
    'frame far beyond it',
    'broken frame, reserved name, attachment bomb',
    'parser with a known attachment bomb',
    'half characters, NUL, 1e308, -0, 2^53+1, words of a shell in parameters',
    'NaN, 1e999',
    'negative, zero or other numbers that a pipeline does not take',
    'unknown node type',
    'unknown tier',
    'model that is not installed',
  ],
};

const rows = readFaultTable(readFileSync(join(repositoryRoot, 'docs', 'reliability.md'), 'utf8'));

test('docs/reliability.md has every fault once, in order', () => {
  expect(rows.map(({ section, fault }) => `${section}: ${fault}`)).toEqual(Object.entries(FAULTS).flatMap(([section, faults]) => faults.map((fault) => `${section}: ${fault}`)));
});

/** @type {[string, import('./fault-table.mjs').FaultRow][]} */
const named = rows.map((row) => [`${row.section}: ${row.fault}`, row]);
/** @type {Map<string, string[]>} */
const titles = new Map();
/** @param {string} spec */
function titlesOf(spec) {
  const file = join(repositoryRoot, spec);
  const found = titles.get(spec) ?? (existsSync(file) ? testTitles(readFileSync(file, 'utf8')) : []);
  titles.set(spec, found);
  return found;
}

describe.each(named)('%s', (_name, { outcome, tests }) => {
  test('has an outcome, and tests that there are', () => {
    expect(outcome).not.toBe('');
    expect(tests).not.toEqual([]);
    expect(tests.filter(({ spec, title }) => !titlesOf(spec).includes(title))).toEqual([]);
  });
});

test('a table is read row by row, whatever stands around it', () => {
  const page = ['# x', '<!-- faults -->', '### A b', '', '| fault | what must happen | test |', '|---|---|---|', '| lost | found | [a.e2e](../apps/a.spec.ts) “g › t”<br>[b](../b.spec.mjs) “u” |', '<!-- /faults -->', '| no | row | here |'].join('\n');
  expect(readFaultTable(page)).toEqual([{ section: 'A b', fault: 'lost', outcome: 'found', tests: [{ spec: 'apps/a.spec.ts', title: 'g › t' }, { spec: 'b.spec.mjs', title: 'u' }] }]);
  expect(() => readFaultTable('# x')).toThrow('no table of faults');
});
