/**
 * The runs of this process, by task. Owns their abort controllers: cancel, time-out, a lost lock and drain all
 * reach a run through {@link LiveRuns.stop} and end in the same signal. The first reason counts; a later one that allows
 * no grace still takes the grace of the first away.
 */
import { Injectable } from '@nestjs/common';
import { allowsGrace } from './allows-grace.js';
import type { StopReason } from './stop-reason.js';
import type { StopSignals } from '../container/container-engine.port.js';

interface LiveRun {
  signal: AbortController;
  atOnce: AbortController;
}

@Injectable()
export class LiveRuns {
  private readonly runs = new Map<string, LiveRun>();

  get count(): number {
    return this.runs.size;
  }

  has(taskId: string): boolean {
    return this.runs.has(taskId);
  }

  open(taskId: string): StopSignals {
    const run = { signal: new AbortController(), atOnce: new AbortController() };
    this.runs.set(taskId, run);
    return { signal: run.signal.signal, atOnce: run.atOnce.signal };
  }

  close(taskId: string): void {
    this.runs.delete(taskId);
  }

  /** Stops a run, if it is ours and still going. */
  stop(taskId: string, reason: StopReason): void {
    const run = this.runs.get(taskId);
    if (run !== undefined) stopRun(run, reason);
  }

  stopAll(reason: StopReason): void {
    for (const run of this.runs.values()) stopRun(run, reason);
  }
}

function stopRun({ signal, atOnce }: LiveRun, reason: StopReason): void {
  signal.abort(reason);
  if (!allowsGrace(reason)) atOnce.abort(reason);
}
