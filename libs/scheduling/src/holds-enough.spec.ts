import { describe, expect, test } from '@jest/globals';
import { holdsEnough } from './holds-enough.js';
import type { ResourceDemand } from './resource-demand.js';

const demand = (changes: Partial<ResourceDemand>): ResourceDemand => ({ gpus: 0, vramBytes: 0, splittable: false, cpuMillis: 0, memoryBytes: 0, ...changes });
const gpus = (...bytes: number[]): { devices: string[]; amounts: Record<string, number> } => ({ devices: bytes.map((_, index) => String(index)), amounts: Object.fromEntries(bytes.map((amount, index) => [`gpu:${index}`, amount])) });

describe('holdsEnough', () => {
  test.each([
    ['as much memory', { devices: [], amounts: { memory: 512 } }, demand({ memoryBytes: 512 }), true],
    ['less memory than a second try wants', { devices: [], amounts: { memory: 512 } }, demand({ memoryBytes: 1024 }), false],
    ['as much of a GPU', gpus(12), demand({ gpus: 1, vramBytes: 12 }), true],
    ['less of a GPU than a second try wants', gpus(12), demand({ gpus: 1, vramBytes: 18 }), false],
    ['one GPU of two', gpus(20), demand({ gpus: 2, vramBytes: 20 }), false],
    ['two GPUs of two', gpus(20, 20), demand({ gpus: 2, vramBytes: 20 }), true],
    ['a share on each of two', gpus(24, 24), demand({ gpus: 1, vramBytes: 48, splittable: true }), true],
    ['too small a share on each of two', gpus(20, 20), demand({ gpus: 1, vramBytes: 48, splittable: true }), false],
  ])('%s', (_what, container, wanted, enough) => {
    expect(holdsEnough(container, wanted)).toBe(enough);
  });
});
