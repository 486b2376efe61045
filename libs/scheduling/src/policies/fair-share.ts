import { schedule } from '../schedule.js';
import type { Policy } from './policy.js';

/** Ours: {@link schedule}. */
export const fairShare: Policy = { name: 'fair-share', decide: schedule };
