/**
 * The runs of this process, by task. Owns their abort controllers: cancel, time-out, a lost lock and drain all
 * reach a run through {@link LiveRuns.stop} and end in the same signal.
 */
import { Injectable } from '@nestjs/common';
import type { StopReason } from './stop-reason.js';

@Injectable()
export class LiveRuns {
  private readonly controllers = new Map<string, AbortController>();

  get count(): number {
    return this.controllers.size;
  }

  has(taskId: string): boolean {
    return this.controllers.has(taskId);
  }

  open(taskId: string): AbortSignal {
    const controller = new AbortController();
    this.controllers.set(taskId, controller);
    return controller.signal;
  }

  close(taskId: string): void {
    this.controllers.delete(taskId);
  }

  /** Stops a run, if it is ours and still going. */
  stop(taskId: string, reason: StopReason): void {
    this.controllers.get(taskId)?.abort(reason);
  }

  stopAll(reason: StopReason): void {
    for (const controller of this.controllers.values()) controller.abort(reason);
  }
}
