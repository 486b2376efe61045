/** What the oracle looks at, one rule each; the names of the tests in chaos.e2e.spec.ts. */
export const ORACLE_RULES = {
  fired: 'each fault fired, and was healed',
  acknowledged: 'each task that was acknowledged is there, and there is one for each request',
  ended: 'each task has one terminal event, its last, and seqs without a hole',
  heard: 'each client heard each task without a gap or a repetition, as it is stored, to its end',
  agreement: 'the apis, the log and the queues say the same',
  takes: 'each completed task has its whole take with the right sha256, and nothing else lies there',
  outcome: 'each task ended as it had to: no fault failed one, none was cancelled unasked',
  left: 'no container and no lease is left 30 s after the end',
  processes: 'no process gave up, and each ended with 0 when it was told to',
} as const;

export type OracleRule = keyof typeof ORACLE_RULES;

/** Something that must not be. */
export interface Violation {
  rule: OracleRule;
  taskId?: string;
  text: string;
}
