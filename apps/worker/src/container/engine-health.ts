/**
 * Whether the container engine could run something now; while it could not, no task is taken and readiness says so.
 *
 * Owns the last verdict and one timer. Must stay true: any failure that is the engine's own makes it unfit at once, whoever met
 * it; only a look that began after the last failure and found all in order makes it fit again; of two looks the later counts.
 */
import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { WORKER_CONFIG, type WorkerConfig } from '../config/worker-config.js';
import { within } from '../lifecycle/within.js';
import { LOGGER, type Logger } from '../logging/logger.js';
import { CONTAINER_ENGINE, type ContainerEngine } from './container-engine.port.js';
import { EngineFault } from './engine-fault.js';

/** Between two looks, milliseconds: so long goes a daemon unnoticed that nobody needs. A look costs it next to nothing. */
const LOOK_MS = 2000;

/** How soon an engine that is fit answers, milliseconds: from memory, in a few. A run that waits for an answer is more patient. */
const PROMPT_MS = 3000;

@Injectable()
export class EngineHealth implements BeforeApplicationShutdown {
  private why: string | undefined;
  private faults = 0;
  private begun = 0;
  private judged = 0;
  private readonly listeners = new Set<() => void>();
  private readonly timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(CONTAINER_ENGINE) private readonly engine: Pick<ContainerEngine, 'onFault' | 'probe'>,
    @Inject(WORKER_CONFIG) { containerEngine }: Pick<WorkerConfig, 'containerEngine'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    engine.onFault((fault) => this.hear(fault));
    if (containerEngine !== 'null') this.timer = setInterval(() => void this.look(), LOOK_MS).unref();
  }

  get fit(): boolean {
    return this.why === undefined;
  }

  /** Why it is not fit, with the mend; undefined where it is. */
  get fault(): string | undefined {
    return this.why;
  }

  /** Calls back whenever it becomes fit or unfit. */
  onChange(listener: () => void): void {
    this.listeners.add(listener);
  }

  beforeApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /** Looks now; never rejects. */
  async look(): Promise<void> {
    const number = (this.begun += 1);
    const faultsBefore = this.faults;
    let why: string | undefined;
    try {
      await within(PROMPT_MS, this.engine.probe());
      // What failed meanwhile knows better.
      if (this.faults !== faultsBefore) return;
    } catch (error) {
      why = this.fault ?? (error instanceof EngineFault ? error.message : 'the container engine does not answer promptly; look at it with "docker ps" on its host');
    }
    // An answer that was long in coming says nothing against one to a later look.
    if (number < this.judged) return;
    this.judged = number;
    this.judge(why);
  }

  private hear({ kind, message }: EngineFault): void {
    // One answer that says so may be about the one container.
    if (kind === 'failed') return;
    this.faults += 1;
    this.judge(message);
  }

  private judge(why: string | undefined): void {
    const changed = (why === undefined) !== this.fit;
    this.why = why;
    if (!changed) return;
    if (why === undefined) this.logger.info('the container engine is fit again');
    else this.logger.error({ why }, 'no task is taken, since the container engine could not run it');
    for (const listener of this.listeners) listener();
  }
}
