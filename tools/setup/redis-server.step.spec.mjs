// @ts-check
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from './command.mjs';
import { endRecorded, findRecorded, isAlive } from './process-record.mjs';
import { ensureRedisProgram, examineRedis, judgeRedis, startPrivateRedis, withoutPassword } from './redis-server.step.mjs';
import { askRedis } from './resp-client.mjs';
import { runnerPaths } from './runner-paths.mjs';
import { createStepReport } from './step-report.mjs';
import { createStopStack } from './stop-stack.mjs';

const quiet = { write: () => true };

describe('judgeRedis', () => {
  test.each([
    ['redis_version:7.0.15\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n', undefined, true],
    ['redis_version:7.0.15\r\nmaxmemory_policy:noeviction\r\naof_enabled:0\r\nrdb_last_bgsave_time_sec:0\r\n', undefined, false],
    ['redis_version:7.0.15\r\nmaxmemory_policy:noeviction\r\naof_enabled:0\r\nrdb_last_bgsave_time_sec:-1\r\n', /keeps nothing over a restart/, false],
    ['redis_version:7.4.0\r\nmaxmemory_policy:allkeys-lru\r\n', /throw queued tasks away/, false],
    ['redis_version:6.0.16\r\nmaxmemory_policy:noeviction\r\n', /6\.2 or newer/, false],
    ['redis_version:5.9.9\r\n', /6\.2 or newer/, false],
  ])('%j', (info, problem, aof) => {
    const found = judgeRedis(info);
    expect(found.aof).toBe(aof);
    if (problem) expect(found.problem?.message).toMatch(problem);
    else expect(found.problem).toBeUndefined();
  });
});

test.each([
  ['3600 1', false, true],
  ['', false, false],
  ['', true, true],
])('without AOF, save points %j, persistence may lack: %s → taken: %s', (save, allowNoPersistence, taken) => {
  expect(judgeRedis('redis_version:7.0.15\r\nmaxmemory_policy:noeviction\r\naof_enabled:0\r\n', { save, allowNoPersistence }).problem === undefined).toBe(taken);
});

test.each([
  ['redis://:secret@host:1', 'redis://:***@host:1'],
  ['rediss://me:se@cret@host/2', 'rediss://me:***@host/2'],
  ['redis+sentinel://me:secret@a:1,b:2/main', 'redis+sentinel://me:***@a:1,b:2/main'],
  ['redis://host:1/0', 'redis://host:1/0'],
])('of %s no password is printed', (url, shown) => {
  expect(withoutPassword(url)).toBe(shown);
});

describe('a private server', () => {
  /** @type {string} */
  let root;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'fr-redis-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  /** A fresh start on the same folder. */
  async function start() {
    const paths = runnerPaths(root);
    for (const folder of [paths.run, paths.logs]) mkdirSync(folder, { recursive: true });
    const stops = createStopStack();
    const controller = new AbortController();
    const context = { paths, stops, signal: controller.signal, env: process.env, report: createStepReport({ output: quiet, errors: quiet, env: {} }) };
    const program = await ensureRedisProgram(context, () => undefined);
    const server = await startPrivateRedis({ program, folder: paths.redis, paths, stops, signal: controller.signal });
    return { ...server, stops, paths };
  }

  test('keeps its data with AOF, evicts nothing, listens on loopback alone and ends when told', async () => {
    const first = await start();
    const [policy, aof, save, bind] = await askRedis(first.url, ['maxmemory-policy', 'appendonly', 'save', 'bind'].map((name) => ['CONFIG', 'GET', name]));
    expect([policy, aof, save, bind]).toEqual([['maxmemory-policy', 'noeviction'], ['appendonly', 'yes'], ['save', ''], ['bind', '127.0.0.1']]);
    expect(await examineRedis({}, first.url)).toMatchObject({ policy: 'noeviction', aof: true });
    await askRedis(first.url, [['CONFIG', 'SET', 'appendonly', 'no']]);
    expect((await examineRedis({}, first.url)).problem?.mend).toContain('REDIS_ALLOW_NO_PERSISTENCE=true');
    expect((await examineRedis({ REDIS_ALLOW_NO_PERSISTENCE: 'true' }, first.url)).problem).toBeUndefined();
    await askRedis(first.url, [['CONFIG', 'SET', 'appendonly', 'yes']]);
    await askRedis(first.url, [['SET', 'kept', 'yes']]);
    expect(findRecorded(first.paths.run, 'redis')?.pid).toBe(first.pid);
    await first.stops.stopAll(() => undefined);
    expect(isAlive(first.pid)).toBe(false);
    expect(existsSync(join(first.paths.run, 'redis.json'))).toBe(false);

    const second = await start();
    expect(await askRedis(second.url, [['GET', 'kept']])).toEqual(['yes']);
    await second.stops.stopAll(() => undefined);
  });

  test('one that a killed set-up left behind is found by its record and ended', async () => {
    const { pid, paths } = await start();
    expect(await endRecorded(paths.run, 'redis', 5000)).toBe(pid);
    expect(isAlive(pid)).toBe(false);
  });

  test('damaged data: the failure names the log and the mend', async () => {
    const paths = runnerPaths(root);
    for (const folder of [paths.run, paths.logs]) mkdirSync(folder, { recursive: true });
    const stops = createStopStack();
    const program = findProgram('redis-server', process.env) ?? '';
    // A file where the folder of the append-only file must be.
    mkdirSync(paths.redis, { recursive: true });
    writeFileSync(join(paths.redis, 'appendonlydir'), '');
    await expect(startPrivateRedis({ program, folder: paths.redis, paths, stops, signal: new AbortController().signal })).rejects.toMatchObject({ message: expect.stringMatching(/did not come up/), mend: expect.stringContaining(join(paths.logs, 'redis.log')) });
    expect(findRecorded(paths.run, 'redis')).toBeUndefined();
  });
});
