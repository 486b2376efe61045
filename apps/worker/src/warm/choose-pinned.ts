import type { WarmMinimum } from '../config/warm-minimum.js';

/** What is known of a container that waits for a task. */
export interface IdleFacts {
  pipelineId: string;
  /** When it was used last; comparable with that of the others. */
  idleAt: number;
}

/** The idle containers that are kept whatever comes: of each pipeline as many as its minimum says, those used last. Pure. */
export function choosePinned<T extends IdleFacts>(idle: readonly T[], minimum: WarmMinimum): ReadonlySet<T> {
  const chosen = Object.entries(minimum).flatMap(([pipelineId, count]) => idle.filter((container) => container.pipelineId === pipelineId).sort((a, b) => b.idleAt - a.idleAt).slice(0, count));
  return new Set(chosen);
}
