// @ts-check
import { describe, expect, test } from '@jest/globals';
import { plainTrace } from './plain-trace.fixture.mjs';
import { readTrace, readTraceFile } from './read-trace.mjs';
import { runTrace } from './run-trace.mjs';
import { seededRandom } from './seeded-random.mjs';
import { shippedTraces } from './shipped-traces.mjs';
import { POLICIES } from './simulation-policies.mjs';

/**
 * One queue. On one device of 24 GiB, seconds:
 *   0 a small 10 · 1 b big 10 · 2 a small 5 · 3 c small 20
 *   FIFO       a 0–10, b 10–20, a 20–25, c 20–40: waits 0, 9, 18, 17
 *   first fit  a 0–10, a 2–7, c 7–27, b 27–37:    waits 0, 26, 0, 4
 */
const oneQueue = plainTrace({ tiers: { low: { maxConcurrent: 4 } }, pipelines: { small: { tier: 'low', vramGiB: 12 }, big: { tier: 'low', vramGiB: 24 } } });

describe('runTrace', () => {
  const { policies, bounds } = runTrace(readTrace(oneQueue, 'x.json'), POLICIES);

  test('FIFO holds up what would fit', () => {
    expect(policies.fifo).toMatchObject({
      makespanMs: 40_000,
      utilisation: (12 * 10 + 24 * 10 + 12 * 5 + 12 * 20) / (24 * 40),
      wait: { p50Ms: 9000, p95Ms: 18_000, maxMs: 18_000, meanMs: 11_000 },
      waitOfTier: { low: { p50Ms: 9000, p95Ms: 18_000, maxMs: 18_000, meanMs: 11_000 } },
      projectP95Ms: 17_000,
      overtaken: 0,
      coldStarts: 0,
    });
  });

  test('first fit, and ours before anybody was passed over for too long, start what fits', () => {
    for (const run of [policies['first-fit'], policies.ours]) {
      expect(run).toMatchObject({ makespanMs: 37_000, utilisation: 660 / (24 * 37), wait: { p50Ms: 0, p95Ms: 26_000, maxMs: 26_000, meanMs: 7500 }, overtaken: 2, passedOver: 2 });
    }
  });

  test('the bounds are those of the relaxations', () => {
    // All 660 GiB s at 24 GiB. As one machine, least work first: a 0–2 and 4.5–7.5, a 2–4.5, b 7.5–17.5, c 17.5–27.5; mean busy
    // times 4, 3.25, 12.5 and 22.5, less half of 45 s of work and 6 s of submission.
    expect(bounds).toEqual({ makespanMs: 27_500, meanWaitMs: (42_250 - 22_500 - 6000) / 4, utilisation: 1 });
  });
});

/** @param {number} seed a trace with every kind of thing in it, at loads from idle to far too much */
function anyTrace(seed) {
  const random = seededRandom(seed);
  const pipelines = {
    small: { vramGiB: 6, coldStartSeconds: 3, warm: 'project' },
    middle: { vramGiB: 16, coldStartSeconds: 6, warm: 'any' },
    big: { vramGiB: 24 },
    two: { vramGiB: 12, gpus: 2 },
    split: { vramGiB: 40, splittable: true },
    cores: { vramGiB: 0, cpu: 3, memoryGiB: 20 },
  };
  const devices = (/** @type {string} */ host) => [24, 24].map((vramGiB, index) => ({ id: `GPU-${host}-${index}`, name: 'any', vramGiB }));
  return plainTrace({
    hosts: ['left', 'right'].map((name) => ({ name, devices: devices(name), cpus: 4, memoryGiB: 32 })),
    tiers: { low: { maxConcurrent: 3 }, standard: { maxConcurrent: 8 }, premium: { maxConcurrent: 2 } },
    pipelines,
    warm: { perHost: 2, idleSeconds: 40 },
    tasks: undefined,
    synthetic: {
      seed,
      count: 120,
      projects: { a: 3, b: 1, c: 1 },
      mix: Object.keys(pipelines).flatMap((pipeline) => [['low', 'low'], ['standard', 'normal'], ['premium', 'high']].map(([tier, priority]) => ({ tier, pipeline, priority, share: 1 + random.fraction(), seconds: { median: 20, sigma: 0.6 } }))),
      arrivals: seed % 2 === 0 ? { kind: 'poisson', perHour: 150 + 900 * random.fraction() } : { kind: 'bursts', perHour: 150 + 900 * random.fraction(), size: 6 },
    },
  });
}

// The simulator itself throws where a device, a tier or a task's one start is violated.
test.each(Array.from({ length: 12 }, (_, seed) => [seed]))('no policy beats the bounds, whatever the trace (%d)', (seed) => {
  const { policies, bounds } = runTrace(readTrace(anyTrace(seed), 'x.json'), POLICIES);
  for (const policy of POLICIES) {
    const run = policies[policy];
    expect(run?.makespanMs).toBeGreaterThanOrEqual(bounds.makespanMs);
    expect(run?.wait.meanMs).toBeGreaterThanOrEqual(bounds.meanWaitMs);
    expect(run?.utilisation).toBeLessThanOrEqual(bounds.utilisation);
  }
});

test.each(shippedTraces().map((file) => [file.replace(/^.*\//, '')]))('%s can be read', (name) => {
  const file = shippedTraces().find((candidate) => candidate.endsWith(`/${name}`)) ?? '';
  expect(readTraceFile(file)).toMatchObject({ name: name.replace('.json', '') });
});
