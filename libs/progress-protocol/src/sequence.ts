/** What a reader that has seen everything up to `last` does with `seq`. */
export type SequenceStep = 'next' | 'seen' | 'gap';

/** The sequence rule: events count up by one from 1; less is a repetition, more means that some were missed. */
export function sequenceStep(last: number, seq: number): SequenceStep {
  if (seq <= last) return 'seen';
  return seq === last + 1 ? 'next' : 'gap';
}
