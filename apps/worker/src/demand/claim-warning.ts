import type { LearnedFigures } from '@function-runner/task-store';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

/** Fewer runs say little: one odd input among them would count for all. */
const LEAST_SAMPLES = 5;

/** With less room than a tenth above what runs use, an input a little larger than those seen is the end of its run. */
const ROOM_FACTOR = 1.1;

/** What is proposed leaves room for larger inputs, so that it is not too low again soon; in quarters of a GiB, as people write it. */
const PROPOSED_FACTOR = 1.25;
const QUARTER = GIB / 4;

/** What a pipeline's manifest claims for one run. 0 is no claim. */
export interface ResourceClaim {
  /** Of the host, bytes. */
  memoryBytes: number;
  /** Of each GPU, bytes. */
  vramBytes?: number;
}

/** That a claim is too low, for whoever keeps the pipeline. */
export interface ClaimWarning {
  resource: 'memory' | 'vram';
  sentence: string;
}

/** Which claims of a pipeline are too low for what its runs have used, and what to raise them to. Pure. */
export function claimWarnings(pipelineId: string, claim: ResourceClaim, { memoryP95Bytes, memorySamples = 0, vramP95Bytes, vramSamples = 0 }: LearnedFigures): ClaimWarning[] {
  const warnings: ClaimWarning[] = [];
  const warn = (resource: ClaimWarning['resource'], claimed = 0, used = 0, runs: number): void => {
    if (claimed === 0 || runs < LEAST_SAMPLES || claimed >= used * ROOM_FACTOR) return;
    const what = resource === 'memory' ? inWords(claimed) : `${inWords(claimed)} of GPU memory`;
    const raised = resource === 'memory' ? memorySize(proposal(used)) : String(proposal(used) / GIB);
    warnings.push({ resource, sentence: `${pipelineId} uses ${inWords(used)} (p95 of ${runs} runs) of the ${what} that its pipeline.json claims; raise resources.${resource} to ${raised}` });
  };
  warn('memory', claim.memoryBytes, memoryP95Bytes, memorySamples);
  warn('vram', claim.vramBytes, vramP95Bytes, vramSamples);
  return warnings;
}

function proposal(used: number): number {
  return Math.ceil((used * PROPOSED_FACTOR) / QUARTER) * QUARTER;
}

/** As a manifest takes it, which knows no fractions: `3Gi`, `2560Mi`. */
function memorySize(bytes: number): string {
  return bytes % GIB === 0 ? `${bytes / GIB}Gi` : `${bytes / MIB}Mi`;
}

function inWords(bytes: number): string {
  const [size, unit] = bytes >= GIB ? [bytes / GIB, 'GiB'] : [bytes / MIB, 'MiB'];
  return `${Math.round(size * 10) / 10} ${unit}`;
}
