import { describe, expect, it } from '@jest/globals';
import { memoryBytes } from '@function-runner/pipeline-schema';
import type { LearnedFigures } from '@function-runner/task-store';
import { claimWarnings, type ResourceClaim } from './claim-warning.js';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const ID = 'image-upscale:1.0-high';
const memory = (memoryP95Bytes: number, memorySamples = 12): LearnedFigures => ({ samples: 64, memoryP95Bytes, memorySamples });
const vram = (vramP95Bytes: number, vramSamples = 12): LearnedFigures => ({ samples: 64, vramP95Bytes, vramSamples });

describe('claimWarnings', () => {
  it.each<[string, ResourceClaim, LearnedFigures, string[]]>([
    ['a claim with little room', { memoryBytes: 2 * GIB }, memory(1.9 * GIB), [`${ID} uses 1.9 GiB (p95 of 12 runs) of the 2 GiB that its pipeline.json claims; raise resources.memory to 2560Mi`]],
    ['a proposal in whole GiB', { memoryBytes: 16 * GIB }, memory(16 * GIB), [`${ID} uses 16 GiB (p95 of 12 runs) of the 16 GiB that its pipeline.json claims; raise resources.memory to 20Gi`]],
    ['a small claim', { memoryBytes: 64 * MIB }, memory(60.5 * MIB), [`${ID} uses 60.5 MiB (p95 of 12 runs) of the 64 MiB that its pipeline.json claims; raise resources.memory to 256Mi`]],
    ['a claim that was exceeded, as where nothing is enforced', { memoryBytes: GIB }, memory(3 * GIB), [`${ID} uses 3 GiB (p95 of 12 runs) of the 1 GiB that its pipeline.json claims; raise resources.memory to 3840Mi`]],
    ['as few runs as say something', { memoryBytes: GIB }, memory(GIB, 5), [`${ID} uses 1 GiB (p95 of 5 runs) of the 1 GiB that its pipeline.json claims; raise resources.memory to 1280Mi`]],
    ['too few runs', { memoryBytes: GIB }, memory(GIB, 4), []],
    ['many runs of which too few were measured', { memoryBytes: GIB }, { samples: 64, memoryP95Bytes: GIB, memorySamples: 1 }, []],
    ['runs that were not measured', { memoryBytes: GIB, vramBytes: GIB }, { samples: 64, durationP50Seconds: 1, memorySamples: 0, vramSamples: 0 }, []],
    ['room of just a tenth', { memoryBytes: 1100 }, memory(1000), []],
    ['room of a byte less', { memoryBytes: 1099 }, memory(1000), [`${ID} uses 0 MiB (p95 of 12 runs) of the 0 MiB that its pipeline.json claims; raise resources.memory to 256Mi`]],
    ['much room', { memoryBytes: 8 * GIB }, memory(GIB), []],
    ['no claim', { memoryBytes: 0 }, memory(GIB), []],
    ['GPU memory with little room', { memoryBytes: GIB, vramBytes: 8 * GIB }, vram(7.6 * GIB), [`${ID} uses 7.6 GiB (p95 of 12 runs) of the 8 GiB of GPU memory that its pipeline.json claims; raise resources.vram to 9.5`]],
    ['GPU memory, in whole GiB', { memoryBytes: GIB, vramBytes: 8 * GIB }, vram(8 * GIB), [`${ID} uses 8 GiB (p95 of 12 runs) of the 8 GiB of GPU memory that its pipeline.json claims; raise resources.vram to 10`]],
    ['GPU memory, too few runs', { memoryBytes: GIB, vramBytes: 8 * GIB }, vram(8 * GIB, 4), []],
    ['GPU memory with room', { memoryBytes: GIB, vramBytes: 24 * GIB }, vram(8 * GIB), []],
    ['GPU memory that nobody claimed', { memoryBytes: GIB }, vram(8 * GIB), []],
    ['both', { memoryBytes: 2 * GIB, vramBytes: 8 * GIB }, { ...memory(2 * GIB, 7), ...vram(8 * GIB, 9) }, [
      `${ID} uses 2 GiB (p95 of 7 runs) of the 2 GiB that its pipeline.json claims; raise resources.memory to 2560Mi`,
      `${ID} uses 8 GiB (p95 of 9 runs) of the 8 GiB of GPU memory that its pipeline.json claims; raise resources.vram to 10`,
    ]],
  ])('%s', (_, claim, figures, sentences) => {
    const warnings = claimWarnings(ID, claim, figures);
    expect(warnings.map(({ sentence }) => sentence)).toEqual(sentences);
    for (const { resource, sentence } of warnings) expect(sentence).toContain(`resources.${resource} `);
  });

  it('proposes what a manifest takes, and what is enough', () => {
    for (let used = MIB; used < 900 * GIB; used = Math.ceil(used * 1.37)) {
      const proposed = /resources\.memory to (.*)$/.exec(claimWarnings(ID, { memoryBytes: used }, memory(used))[0]?.sentence ?? '')?.[1] ?? '';
      const raised = memoryBytes(proposed);
      expect(raised).toBeGreaterThanOrEqual(used * 1.25);
      expect(raised - used * 1.25).toBeLessThan(GIB / 4);
      expect(claimWarnings(ID, { memoryBytes: raised }, memory(used))).toEqual([]);
    }
  });
});
