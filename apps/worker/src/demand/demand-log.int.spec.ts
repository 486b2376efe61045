import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { connectRedis, LearnedDemand, type DemandSample } from '@function-runner/task-store';
import { RedisFixture, waitFor } from '@function-runner/testing';
import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { DemandLog } from './demand-log.js';

const GIB = 1024 ** 3;
const UPSCALE = 'image-upscale:1.0-high';
const PLENTY = { memoryBytes: 64 * GIB };

let fixture: RedisFixture;
let redis: Redis;
let learned: LearnedDemand;
let log: DemandLog;
let logged: { level: number; msg: string }[];

beforeAll(async () => {
  fixture = await RedisFixture.start();
  redis = connectRedis(fixture.url, 'worker', () => undefined);
  learned = new LearnedDemand(redis);
});
beforeEach(async () => {
  await redis.flushall();
  await redis.config('RESETSTAT');
  logged = [];
  log = openLog(learned);
});
afterEach(async () => {
  await log.close();
  jest.restoreAllMocks();
});
afterAll(async () => {
  redis.disconnect();
  await fixture.stop();
});

function openLog(demand: LearnedDemand): DemandLog {
  return new DemandLog(demand, pino({ level: 'debug' }, { write: (line: string) => void logged.push(JSON.parse(line)) }));
}

/** How often Redis was told to do something in this test. */
async function calls(command: string): Promise<number> {
  return Number(new RegExp(`cmdstat_${command}:calls=([0-9]+)`).exec(await redis.info('commandstats'))?.[1] ?? 0);
}

const warnings = (): string[] => logged.filter(({ level }) => level >= 40).map(({ msg }) => msg);

/** Notes a run and waits until the log has written it. */
async function noteAndWait(pipelineId: string, sample: DemandSample, claim = PLENTY): Promise<void> {
  const before = await calls('lpush');
  log.note(pipelineId, 'high', sample, claim);
  await waitFor('the sample to be written', async () => (await calls('lpush')) > before);
}

describe('DemandLog', () => {
  it('writes the runs of a busy second in one go', async () => {
    for (let run = 1; run <= 50; run += 1) log.note(UPSCALE, 'high', { durationMs: run * 1000, peakMemoryBytes: run }, PLENTY);
    log.note('image-upscale:1.0-low', 'low', { durationMs: 500 }, PLENTY);
    await waitFor('both to be known', async () => (await learned.readMany([{ pipelineId: UPSCALE, tier: 'high' }, { pipelineId: 'image-upscale:1.0-low', tier: 'low' }])).every((figures) => figures !== undefined));
    expect(await learned.read(UPSCALE, 'high')).toMatchObject({ samples: 50, durationP50Seconds: 25, memoryP95Bytes: 48 });
    expect(await learned.read('image-upscale:1.0-low', 'low')).toMatchObject({ samples: 1, durationP50Seconds: 0.5, memorySamples: 0 });
    expect(await calls('lpush')).toBe(2);
  });

  it('writes at most once a second, however often runs end', async () => {
    const from = performance.now();
    let noted = 0;
    await waitFor('three writings', async () => {
      log.note(UPSCALE, 'high', { durationMs: (noted += 1) }, PLENTY);
      return (await calls('lpush')) >= 3;
    });
    expect(await calls('lpush')).toBeLessThanOrEqual(1 + (performance.now() - from) / 1000);
    await log.close();
    expect(await learned.read(UPSCALE, 'high')).toMatchObject({ samples: Math.min(noted, 64) });
  });

  it('warns of a claim that is too low, once', async () => {
    const claim = { memoryBytes: 2 * GIB };
    for (let run = 0; run < 12; run += 1) log.note(UPSCALE, 'high', { durationMs: 1000, peakMemoryBytes: 1.9 * GIB }, claim);
    await waitFor('a warning', () => warnings().length > 0);
    const sentence = `${UPSCALE} uses 1.9 GiB (p95 of 12 runs) of the 2 GiB that its pipeline.json claims; raise resources.memory to 2560Mi`;
    expect(warnings()).toEqual([sentence]);
    // Long after; another version, and what this one uses of something else, are warned of all the same.
    letTimePass(31_000);
    for (let run = 0; run < 12; run += 1) {
      log.note(UPSCALE, 'high', { durationMs: 1000, peakMemoryBytes: 1.9 * GIB, peakVramBytes: 8 * GIB }, { ...claim, vramBytes: 8 * GIB });
      log.note('image-upscale:1.1-high', 'high', { durationMs: 1000, peakMemoryBytes: 1.9 * GIB }, claim);
    }
    await waitFor('two more warnings', () => warnings().length > 2);
    expect(warnings()).toEqual([
      sentence,
      `${UPSCALE} uses 8 GiB (p95 of 12 runs) of the 8 GiB of GPU memory that its pipeline.json claims; raise resources.vram to 10`,
      sentence.replace(UPSCALE, 'image-upscale:1.1-high'),
    ]);
  });

  it('counts what other workers have noted, and is content with what is enough', async () => {
    const sample = { durationMs: 1000, peakMemoryBytes: GIB };
    for (let run = 0; run < 4; run += 1) await learned.record(UPSCALE, 'high', sample);
    log.note('image-upscale:1.0-low', 'high', sample, PLENTY);
    log.note(UPSCALE, 'high', sample, { memoryBytes: GIB });
    await waitFor('a warning', () => warnings().length > 0);
    expect(warnings()).toEqual([expect.stringContaining('p95 of 5 runs')]);
  });

  it('reads the figures of a pipeline once in 30 seconds, and only while it runs', async () => {
    const sample = { durationMs: 1000 };
    // A writing begins when the reading after the one before has ended: after the third, that of the second is known.
    for (let run = 0; run < 3; run += 1) await noteAndWait(UPSCALE, sample);
    expect(await calls('lrange')).toBe(1);
    letTimePass(31_000);
    await noteAndWait('image-upscale:1.0-low', sample);
    await waitFor('both to be read, since both have changed', async () => (await calls('lrange')) === 3);
    letTimePass(62_000);
    await noteAndWait('image-upscale:1.0-low', sample);
    await waitFor('the one that has changed to be read', async () => (await calls('lrange')) === 4);
  });

  it('writes what waits when it is closed, and nothing after', async () => {
    log.note(UPSCALE, 'high', { durationMs: 1000 }, PLENTY);
    await log.close();
    expect(await learned.read(UPSCALE, 'high')).toMatchObject({ samples: 1 });
    log.note(UPSCALE, 'high', { durationMs: 2000 }, PLENTY);
    await log.close();
    expect(await learned.read(UPSCALE, 'high')).toMatchObject({ samples: 1 });
    expect(log.dropped).toBe(1);
  });

  it('drops the oldest where too many wait for a Redis that is away, and writes the others when it is back', async () => {
    await fixture.halt();
    try {
      for (let run = 0; run < 500; run += 1) log.note('oldest:1.0', 'high', { durationMs: run }, PLENTY);
      for (let run = 0; run < 1000; run += 1) log.note(UPSCALE, 'high', { durationMs: run }, PLENTY);
      expect(log.dropped).toBe(500);
    } finally {
      await fixture.resume();
    }
    await waitFor('the others to be written', async () => (await learned.read(UPSCALE, 'high')) !== undefined);
    expect(await learned.read(UPSCALE, 'high')).toMatchObject({ samples: 64, durationP95Seconds: 0.996 });
    expect(await learned.read('oldest:1.0', 'high')).toBeUndefined();
    expect(warnings()).toEqual([]);
  });

  it('can be closed while Redis is away', async () => {
    const own = connectRedis(fixture.url, 'worker', () => undefined);
    const ours = openLog(new LearnedDemand(own));
    await own.ping();
    await fixture.halt();
    try {
      ours.note(UPSCALE, 'high', { durationMs: 1000 }, PLENTY);
      await ours.close();
      expect(logged.map(({ level, msg }) => [level, msg])).toEqual([[20, 'what the last runs have used could not be noted in time']]);
    } finally {
      own.disconnect();
      await fixture.resume();
    }
    expect(await learned.read(UPSCALE, 'high')).toBeUndefined();
  });

  it('makes no noise of a Redis that is full, and goes on', async () => {
    await redis.config('SET', 'maxmemory', '1');
    try {
      log.note(UPSCALE, 'high', { durationMs: 1000 }, PLENTY);
      await waitFor('the sample to be given up', () => log.dropped === 1);
    } finally {
      await redis.config('SET', 'maxmemory', '0');
    }
    expect(logged.map(({ level, msg }) => [level, msg])).toEqual([[20, 'what runs have used could not be noted']]);
    log.note(UPSCALE, 'high', { durationMs: 2000 }, PLENTY);
    await waitFor('the next one to be written', async () => (await learned.read(UPSCALE, 'high')) !== undefined);
    expect(await learned.read(UPSCALE, 'high')).toMatchObject({ samples: 1, durationP50Seconds: 2 });
  });
});

/** Puts the clock on by so much, compared with its true time. */
function letTimePass(milliseconds: number): void {
  jest.restoreAllMocks();
  const now = performance.now.bind(performance);
  jest.spyOn(performance, 'now').mockImplementation(() => now() + milliseconds);
}
