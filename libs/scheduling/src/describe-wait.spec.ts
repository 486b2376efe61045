import { describe, expect, test } from '@jest/globals';
import { describeWait } from './describe-wait.js';
import { GIB } from './scheduling.fixture.js';
import type { WaitReason } from './wait-reason.js';

const on = { hostId: 'a', hostName: 'A' };

describe('describeWait', () => {
  test.each<[WaitReason, string]>([
    [{ kind: 'next' }, 'next in line'],
    [{ kind: 'tier-limit', tier: 'high', limit: 2 }, '2 high tasks run, as many as may at once'],
    [{ kind: 'tier-limit', tier: 'low', limit: 1 }, '1 low task runs, as many as may at once'],
    [{ kind: 'tier-limit', tier: 'low', limit: 0 }, 'no low task may run'],
    [{ kind: 'capacity', resource: 'gpu', needed: 24 * GIB, gpus: 1, ...on }, 'waiting for 24 GiB on host A'],
    [{ kind: 'capacity', resource: 'gpu', needed: 24 * GIB, gpus: 2, ...on }, 'waiting for 2 × 24 GiB on host A'],
    [{ kind: 'capacity', resource: 'gpu', needed: Math.ceil(13.33 * GIB), gpus: 1, ...on }, 'waiting for 13.3 GiB on host A'],
    [{ kind: 'capacity', resource: 'cpu', needed: 2000, gpus: 0, ...on }, 'waiting for 2 cores on host A'],
    [{ kind: 'capacity', resource: 'cpu', needed: 1000, gpus: 0, ...on }, 'waiting for 1 core on host A'],
    [{ kind: 'capacity', resource: 'cpu', needed: 500, gpus: 0, ...on }, 'waiting for 0.5 cores on host A'],
    [{ kind: 'capacity', resource: 'memory', needed: GIB / 2, gpus: 0, ...on }, 'waiting for 512 MiB of memory on host A'],
    [{ kind: 'reserved', resource: 'gpu', ...on }, 'what is free on host A is kept for a task that has waited longer'],
    [{ kind: 'no-capable-host', detail: 'needs 80 GiB on one GPU; there is no GPU' }, 'no host can run it: needs 80 GiB on one GPU; there is no GPU'],
    [{ kind: 'no-host' }, 'no worker is there'],
  ])('%j: %s', (reason, text) => {
    expect(describeWait(reason)).toBe(text);
  });
});
