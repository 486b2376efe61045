import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Redis } from 'ioredis';
import { keys, type TaskResult } from '@function-runner/progress-protocol';
import { RedisFixture, testJob } from '@function-runner/testing';
import { connectRedis } from './redis-connection.js';
import type { NewTask } from './task-record.js';
import { TaskStore } from './task-store.js';

const PROJECT = 'feature-film-2026';
/** Enough that an index's own part of each task is its average. */
const MANY = 200;

/** What docs/operations.md promises of a finished task, bytes by its number of events: each line of the table is held here. */
const PROMISED = { ten: 8 * 1024, thousand: 320 * 1024, most: 6.5 * 1024 ** 2 };

/** A take of two pictures, as the upscaler makes it. */
const RESULT: TaskResult = {
  outputPath: `/workspace/Feature Film/outputs/renders/node-upscale-17/01a20fb4-badd-77af-823a-fc9fb4c87356`,
  outputs: ['upscaled.png', 'preview.jpg'].map((path) => ({ path, mediaType: 'image/png', bytes: 12_345_678, sha256: 'a'.repeat(64) })),
  metadata: { pipelineId: 'image-upscale:1.0-standard', modelId: 'esrgan-slim-x2', modelVersion: '1.0.0', durationMs: 12_345, queuedMs: 321, attempt: 1, peakMemoryBytes: 734_003_200, cpuSeconds: 11.7 },
};

describe('the memory that a finished task takes of Redis', () => {
  let server: RedisFixture;
  let redis: Redis;
  let store: TaskStore;
  let serial = 0;

  beforeAll(async () => {
    server = await RedisFixture.start();
    redis = connectRedis(server.url, 'worker', () => undefined);
    store = new TaskStore(redis, { retentionMs: 86_400_000 });
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });
  beforeEach(() => redis.flushall());

  /** A whole life of so many events, by a request and with the job of the door. */
  async function finished(events: number): Promise<string> {
    serial += 1;
    const taskId = `01a20fb4-badd-7000-8000-${String(serial).padStart(12, '0')}`;
    const task: NewTask = {
      taskId, nodeId: 'node-upscale-17', projectId: PROJECT, nodeType: 'image_upscale', projectName: 'Feature Film', pipelineId: 'image-upscale:1.0-standard', quality: 'standard',
      submittedAt: new Date().toISOString(), requestId: `request-of-an-editor-${serial}`,
    };
    await store.claimRequest(PROJECT, task.requestId ?? '', taskId);
    await store.create(task, 1, { priority: 'normal', payload: testJob('x'.repeat(500)) });
    const claim = `3f0c1d2e-1234-4321-8888-${String(serial).padStart(12, '0')}:1`;
    await store.begin(task, 'worker-of-box-1-4711-0a1b2c3d', 3, claim);
    const reports = events - 3;
    for (let from = 0; from < reports; from += 500) {
      await Promise.all(Array.from({ length: Math.min(500, reports - from) }, (_unused, index) => store.append({ ...task, claim }, 1, 'running', { progress: Math.round((1000 * (from + index)) / reports) / 10, step: `tile ${from + index} of ${reports}` })));
    }
    await store.finish({ ...task, claim }, 1, { state: 'completed', result: RESULT });
    return taskId;
  }

  /** Bytes of all keys that there are, the server's own overhead included. */
  async function allBytes(): Promise<number> {
    const found = await redis.keys('*');
    const sizes = await Promise.all(found.map((key) => redis.memory('USAGE', key, 'SAMPLES', 0)));
    return sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
  }

  test('with 10 events', async () => {
    for (let count = 0; count < MANY; count += 1) await finished(10);
    const bytes = (await allBytes()) / MANY;
    expect(bytes).toBeLessThan(PROMISED.ten);
    expect(bytes).toBeGreaterThan(PROMISED.ten / 2);
  }, 60_000);

  test('with 1,000 events', async () => {
    for (let count = 0; count < 5; count += 1) await finished(1000);
    const bytes = (await allBytes()) / 5;
    expect(bytes).toBeLessThan(PROMISED.thousand);
    expect(bytes).toBeGreaterThan(PROMISED.thousand / 2);
  }, 60_000);

  test('with more events than are kept: the oldest go', async () => {
    const taskId = await finished(22_000);
    const bytes = await allBytes();
    expect(await redis.xlen(keys.events(taskId))).toBeLessThanOrEqual(20_100);
    expect(bytes).toBeLessThan(PROMISED.most);
    expect((await store.events(taskId, 21_990)).map(({ seq }) => seq)).toEqual([21_991, 21_992, 21_993, 21_994, 21_995, 21_996, 21_997, 21_998, 21_999, 22_000]);
  }, 60_000);

  test('is as docs/operations.md says, and all of it expires', async () => {
    const docs = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8');
    expect(docs).toContain(`| 10 | ${PROMISED.ten / 1024} KiB |`);
    expect(docs).toContain(`| 1,000 | ${PROMISED.thousand / 1024} KiB |`);
    expect(docs).toContain(`| 20,000 or more | ${PROMISED.most / 1024 ** 2} MiB |`);
    await finished(10);
    const lasting: string[] = [];
    for (const key of await redis.keys('*')) if ((await redis.pttl(key)) < 0) lasting.push(key);
    expect(lasting).toEqual([]);
  });
});
