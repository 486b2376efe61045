import { percentile } from './percentile.js';

/** What one run has used. */
export interface DemandSample {
  /** From the start of the pipeline to its end. */
  durationMs: number;
  /** The most that was seen of the host's memory, bytes; not there where nothing was measured, as of a run that took a moment. */
  peakMemoryBytes?: number;
  /** The most that was seen of one GPU's memory, bytes. */
  peakVramBytes?: number;
}

/** What runs of a pipeline version in a tier have used, of those that are remembered. A figure is there where some run tells of it. */
export interface LearnedFigures {
  /** Runs that are remembered. */
  samples: number;
  durationP50Seconds?: number;
  durationP95Seconds?: number;
  memoryP95Bytes?: number;
  /** How many of the runs tell of memory. */
  memorySamples?: number;
  /** Of one GPU. */
  vramP95Bytes?: number;
  /** How many of the runs tell of GPU memory. */
  vramSamples?: number;
}

/** The figures of some runs; undefined where there are none. */
export function figuresOf(samples: readonly DemandSample[]): LearnedFigures | undefined {
  if (samples.length === 0) return undefined;
  const durations = measured(samples, 'durationMs').map((milliseconds) => milliseconds / 1000);
  const memory = measured(samples, 'peakMemoryBytes');
  const vram = measured(samples, 'peakVramBytes');
  return {
    samples: samples.length,
    durationP50Seconds: percentile(durations, 50),
    durationP95Seconds: percentile(durations, 95),
    memoryP95Bytes: percentile(memory, 95),
    memorySamples: memory.length,
    vramP95Bytes: percentile(vram, 95),
    vramSamples: vram.length,
  };
}

/** What the samples tell of something. JSON has no NaN, so what was none comes back as null. */
function measured(samples: readonly DemandSample[], what: keyof DemandSample): number[] {
  return samples.flatMap(({ [what]: value }) => (typeof value === 'number' && Number.isFinite(value) ? [value] : []));
}
