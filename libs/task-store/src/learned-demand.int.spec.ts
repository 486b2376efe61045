import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Redis } from 'ioredis';
import { RedisFixture } from '@function-runner/testing';
import { LearnedDemand, type DemandEntry } from './learned-demand.js';
import { connectRedis } from './redis-connection.js';

const UPSCALE = 'image-upscale:1.0-high';
const KEY = `demand:{${UPSCALE}:high}`;
const entry = (durationMs: number, changes: Partial<DemandEntry> = {}): DemandEntry => ({ pipelineId: UPSCALE, tier: 'high', sample: { durationMs }, ...changes });

describe('LearnedDemand', () => {
  let server: RedisFixture;
  let redis: Redis;
  let learned: LearnedDemand;
  beforeAll(async () => {
    server = await RedisFixture.start();
    redis = connectRedis(server.url, 'request', () => undefined);
    learned = new LearnedDemand(redis);
  });
  beforeEach(() => redis.flushall());
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  /** Durations as they stand in the list. */
  const durations = async (key = KEY): Promise<number[]> => (await redis.lrange(key, 0, '-1')).map((text) => (JSON.parse(text) as { durationMs: number }).durationMs);

  /** How often Redis was told to do something since the last reset. */
  const calls = async (command: string): Promise<number> => Number(new RegExp(`cmdstat_${command}:calls=([0-9]+)`).exec(await redis.info('commandstats'))?.[1] ?? 0);

  test('knows nothing of what never ran', async () => {
    expect(await learned.read(UPSCALE, 'high')).toBeUndefined();
    expect(await learned.readMany([])).toEqual([]);
    await learned.recordMany([]);
    expect(await redis.keys('*')).toEqual([]);
  });

  test('answers what runs have used', async () => {
    await learned.record(UPSCALE, 'high', { durationMs: 2000, peakMemoryBytes: 300 });
    await learned.record(UPSCALE, 'high', { durationMs: 4000, peakMemoryBytes: 100, peakVramBytes: 50 });
    await learned.record(UPSCALE, 'high', { durationMs: 3000 });
    expect(await learned.read(UPSCALE, 'high')).toEqual({
      samples: 3, durationP50Seconds: 3, durationP95Seconds: 4, memoryP95Bytes: 300, memorySamples: 2, vramP95Bytes: 50, vramSamples: 1,
    });
  });

  test('keeps tiers and pipeline versions apart, and answers several in the order asked for', async () => {
    await learned.recordMany([entry(1000), entry(2000, { tier: 'low' }), entry(3000, { pipelineId: 'image-upscale:1.1-high' }), entry(5000)]);
    const found = await learned.readMany([
      { pipelineId: 'image-upscale:1.1-high', tier: 'high' }, { pipelineId: 'image-upscale:1.1-high', tier: 'low' }, { pipelineId: UPSCALE, tier: 'high' }, { pipelineId: UPSCALE, tier: 'low' },
    ]);
    expect(found.map((figures) => [figures?.samples, figures?.durationP95Seconds])).toEqual([[1, 3], [undefined, undefined], [2, 5], [1, 2]]);
  });

  test('keeps the newest 64, newest first, one by one or many at once', async () => {
    await learned.recordMany(Array.from({ length: 60 }, (_, index) => entry(index)));
    for (let durationMs = 60; durationMs < 70; durationMs += 1) await learned.record(UPSCALE, 'high', { durationMs });
    expect(await durations()).toEqual(Array.from({ length: 64 }, (_, index) => 69 - index));
    await learned.recordMany(Array.from({ length: 200 }, (_, index) => entry(1000 + index)));
    expect(await durations()).toEqual(Array.from({ length: 64 }, (_, index) => 1199 - index));
    expect(await learned.read(UPSCALE, 'high')).toMatchObject({ samples: 64, durationP50Seconds: 1.167, durationP95Seconds: 1.196 });
  });

  test('adds what several workers note at once', async () => {
    const others = Array.from({ length: 4 }, () => connectRedis(server.url, 'request', () => undefined));
    await Promise.all(others.map((other, worker) => new LearnedDemand(other).recordMany(Array.from({ length: 10 }, (_, index) => entry(worker * 10 + index)))));
    expect((await durations()).sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, index) => index));
    others.forEach((other) => other.disconnect());
  });

  test('adds many of one kind in one step', async () => {
    await redis.config('RESETSTAT');
    await learned.recordMany([...Array.from({ length: 50 }, (_, index) => entry(index)), entry(1, { tier: 'low' })]);
    expect([await calls('lpush'), await calls('ltrim'), await calls('pexpire'), await calls('exec')]).toEqual([2, 2, 2, 2]);
  });

  test('remembers for 30 days from the last sample', async () => {
    await learned.record(UPSCALE, 'high', { durationMs: 1 });
    // As after 29 days and more.
    await redis.pexpire(KEY, 60_000);
    await learned.record(UPSCALE, 'high', { durationMs: 2 });
    const left = await redis.pttl(KEY);
    expect(left).toBeGreaterThan(29 * 86_400_000);
    expect(left).toBeLessThanOrEqual(30 * 86_400_000);
  });

  test('says when a list could not be written, and writes the others', async () => {
    await redis.set(KEY, 'no list');
    await expect(learned.recordMany([entry(1), entry(2, { tier: 'low' })])).rejects.toThrow('WRONGTYPE');
    expect(await learned.read(UPSCALE, 'low')).toMatchObject({ samples: 1 });
  });

  test('says when Redis is full, and leaves nothing half done', async () => {
    await redis.config('SET', 'maxmemory', '1');
    try {
      await expect(learned.record(UPSCALE, 'high', { durationMs: 1 })).rejects.toThrow(/OOM|EXECABORT/);
    } finally {
      await redis.config('SET', 'maxmemory', '0');
    }
    expect(await redis.keys('*')).toEqual([]);
    await learned.record(UPSCALE, 'high', { durationMs: 2 });
    expect(await durations()).toEqual([2]);
  });
});
