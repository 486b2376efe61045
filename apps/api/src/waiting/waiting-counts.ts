import type { QualityTier } from '@function-runner/pipeline-schema';
import type { WaitReason } from '@function-runner/scheduling';

/** How many tasks wait, by tier and by the kind of reason: a closed set. */
export type WaitingCounts = Record<QualityTier, Record<WaitReason['kind'], number>>;

/** Nothing waits. */
export function noneWaiting(): WaitingCounts {
  const none = (): WaitingCounts[QualityTier] => ({ next: 0, 'tier-limit': 0, capacity: 0, reserved: 0, 'no-capable-host': 0, 'no-host': 0 });
  return { low: none(), standard: none(), high: none(), premium: none() };
}
