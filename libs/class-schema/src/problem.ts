/** One thing wrong with a value: where it stands, what was found there, and what would be right. */
export interface Problem {
  /** Place in the value, as `tiers.low.max_concurrent` or `files[2].hash`; empty for the value itself. */
  path: string;
  /** What is wrong and what would be right, one sentence. */
  message: string;
  /** What was found, cut short; absent when nothing was there. */
  value?: string;
}
