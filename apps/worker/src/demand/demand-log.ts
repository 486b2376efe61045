/**
 * Notes what this worker's runs have used, so that the whole cluster learns from it, and warns where a manifest claims too
 * little for it.
 *
 * Owns the samples that have not been written yet, one timer, and what was warned of. Must stay true: {@link note} costs a
 * run nothing and never fails; at most {@link MOST_WAITING} samples wait, and as many are being written; there is at most
 * one writing at a time, and a second between two; a figure is read once in {@link REREAD_MS}, and a claim is warned of
 * once a pipeline version. A sample that cannot be written is dropped: the next run tells the same.
 */
import { Inject, Injectable } from '@nestjs/common';
import type { QualityTier } from '@function-runner/pipeline-schema';
import { LearnedDemand, type DemandEntry, type DemandPair, type DemandSample } from '@function-runner/task-store';
import { within } from '../lifecycle/within.js';
import { LOGGER, type Logger } from '../logging/logger.js';
import { claimWarnings, type ResourceClaim } from './claim-warning.js';

/** From the first sample that waits to its writing: others of a busy second go with it. */
const WRITE_AFTER_MS = 1000;

/** Samples of many minutes without Redis, in some hundred kilobytes. */
const MOST_WAITING = 1000;

/** What 64 runs have used changes slowly. */
const REREAD_MS = 30_000;

/** How long the last writing may take, where Redis is away. */
const FAREWELL_MS = 1000;

interface DemandNote extends DemandEntry {
  claim: ResourceClaim;
}

/** A pipeline version in a tier whose figures are to be looked at, or were a short while ago. */
interface Watched extends DemandPair {
  claim: ResourceClaim;
  /** Whether something was written since. */
  changed: boolean;
  readAt: number;
}

@Injectable()
export class DemandLog {
  private waiting: DemandNote[] = [];
  private readonly watched = new Map<string, Watched>();
  private readonly warned = new Set<string>();
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> | undefined;
  private droppedSamples = 0;
  private closed = false;

  constructor(
    private readonly learned: LearnedDemand,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Samples that were never written: too many waited, or Redis did not take them. */
  get dropped(): number {
    return this.droppedSamples;
  }

  /** A run has ended. `claim`: what its pipeline's manifest says that it needs. */
  note(pipelineId: string, tier: QualityTier, sample: DemandSample, claim: ResourceClaim): void {
    this.waiting.push({ pipelineId, tier, sample, claim });
    if (this.closed || this.waiting.length > MOST_WAITING) {
      this.waiting.shift();
      this.droppedSamples += 1;
    }
    this.schedule();
  }

  /** Writes what waits; after this nothing is noted any more. Settles within a moment, even where Redis is away. */
  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    const written = Promise.resolve(this.writing).then(() => this.write());
    await within(FAREWELL_MS, written).catch((error: unknown) => this.logger.debug({ err: error }, 'what the last runs have used could not be noted in time'));
  }

  private schedule(): void {
    if (this.closed || this.timer !== undefined || this.writing !== undefined || this.waiting.length === 0) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.writing = this.write()
        .then(() => this.compare())
        .finally(() => {
          this.writing = undefined;
          this.schedule();
        });
    }, WRITE_AFTER_MS);
  }

  private async write(): Promise<void> {
    const notes = this.waiting;
    if (notes.length === 0) return;
    this.waiting = [];
    try {
      await this.learned.recordMany(notes);
    } catch (error) {
      this.droppedSamples += notes.length;
      this.logger.debug({ err: error, dropped: this.droppedSamples }, 'what runs have used could not be noted');
      return;
    }
    for (const { pipelineId, tier, claim } of notes) {
      const key = `${pipelineId} ${tier}`;
      this.watched.set(key, { pipelineId, tier, claim, changed: true, readAt: this.watched.get(key)?.readAt ?? Number.NEGATIVE_INFINITY });
    }
  }

  /** Holds the claims against the figures that have changed. */
  private async compare(): Promise<void> {
    const now = performance.now();
    const due: Watched[] = [];
    for (const [key, watched] of this.watched) {
      if (now - watched.readAt < REREAD_MS) continue;
      if (!watched.changed) this.watched.delete(key);
      else due.push(Object.assign(watched, { changed: false, readAt: now }));
    }
    try {
      const found = await this.learned.readMany(due);
      for (const [index, { pipelineId, tier, claim }] of due.entries()) {
        const figures = found[index];
        if (figures === undefined) continue;
        for (const { resource, sentence } of claimWarnings(pipelineId, claim, figures)) {
          const subject = `${pipelineId} ${resource}`;
          if (this.warned.has(subject)) continue;
          this.warned.add(subject);
          this.logger.warn({ pipeline: pipelineId, tier }, sentence);
        }
      }
    } catch (error) {
      this.logger.debug({ err: error }, 'what runs have used could not be read');
    }
  }
}
