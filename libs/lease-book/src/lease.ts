import type { Amounts } from './amounts.js';

/** What a lease is for: an attempt of a task, or a container that waits for one with its model loaded. */
export type LeasePurpose = 'task' | 'warm';

/** What is asked of the book. */
export interface LeaseRequest {
  /** Of the lease, made by whoever asks, unique for ever: asking again with it is no second lease. */
  id: string;
  /** The worker process that answers for it. */
  holder: string;
  purpose: LeasePurpose;
  /** The task that it serves, or served last. */
  taskId: string;
  pipelineId: string;
  /** The one project that its container may serve, where that is so. */
  projectId?: string;
  /** What it holds. A resource of which it holds 0 is left out. */
  amounts: Amounts;
  /** Whatever else others need to know of a warm container; kept as it is. */
  facts?: Readonly<Record<string, unknown>>;
}

/** A lease that stands in the book. */
export interface Lease extends LeaseRequest {
  /** The attempt of its task that it is bound to, once it is. */
  attempt?: number;
  /** Milliseconds since the epoch, Redis's clock. */
  expiresAt: number;
  /** Whether that time has come. It counts all the same until it is given back. */
  expired: boolean;
}
