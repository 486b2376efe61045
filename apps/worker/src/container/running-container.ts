/**
 * One container of Docker's, from its start to its removal.
 *
 * Owns the connections to it and what has been heard of its output. Exit and end of the output are both awaited, and the
 * container is removed by hand: AutoRemove loses exit codes.
 *
 * Must stay true: no single promise of the daemon's can hold it. Where a connection drops, or an answer does not come, it is
 * asked how the container is, again and again; an end that was asked for is reached, or given up as an EngineFault, in bounded
 * time. An exit is believed only of a daemon that was there without a break since the container was last known to run: one that
 * goes down without live-restore ends its containers, and what one prints that ends while its daemon is away is lost.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../logging/logger.js';
import type { ContainerExit, ContainerUsage, ServingContainer } from './container-engine.port.js';
import type { ContainerPlan } from './container-plan.js';
import type { ContainerState, DockerDaemon } from './docker-daemon.adapter.js';
import { EngineFault } from './engine-fault.js';
import { startFailed } from './engine-fault-of.js';
import type { LaunchedContainer } from './launch-container.js';
import { LogHearing } from './log-hearing.js';
import { ResourceWatch } from './resource-watch.js';
import { UsageGauge } from './usage-gauge.js';

/** Between two looks at a container whose connections were cut: little work for the daemon, and soon enough for a task. */
const LOOK_MS = 500;

/** From the end of the output to the answer that says the exit, or the other way round; both come within milliseconds. */
const TOGETHER_MS = 5000;

/** How long a daemon may be away before its container is given up: an upgrade of Docker takes seconds, a restart on a busy host half a minute. */
const AWAY_MS = 60_000;

/** From SIGKILL until the end is given up: what hangs in the kernel cannot be killed, and a daemon that is away kills nothing. */
const KILL_MS = 15_000;

/** Output that is read once more from the log where its stream ended before the exit came: more is a flood, of which the log may not hold all. */
const WORTH_HEARING_AGAIN_BYTES = 1_048_576;

/** What a pipe takes of a container's stdin although nobody reads it (Linux); the rest lies with the daemon, and is lost with it. */
const PIPE_BYTES = 65_536;

/** After so long a daemon has put there what a pipe takes; it takes it milliseconds. */
const PASSED_ON_MS = 5000;

export class RunningContainer implements ServingContainer {
  readonly ended: Promise<ContainerExit>;
  private readonly startedAt = performance.now();
  private readonly gauge: UsageGauge;
  /** Aborts when it has ended, or was given up. */
  private readonly over = new AbortController();
  /** Aborts when it was killed and does not end. */
  private readonly givenUp = new AbortController();

  constructor(
    private readonly launched: LaunchedContainer,
    private readonly daemon: DockerDaemon,
    private readonly plan: ContainerPlan,
    private readonly options: { serving: boolean },
    private readonly logger: Logger,
  ) {
    this.gauge = new UsageGauge(() => daemon.stats(launched.id), logger);
    this.ended = this.follow();
    // It may end with nobody waiting for it just then; whoever uses it learns of it.
    this.ended.catch(() => undefined);
  }

  write(line: string): void {
    this.launched.stream.write(line);
  }

  measure(): { end: () => ContainerUsage } {
    return this.gauge.measure();
  }

  memoryInUse(): number | undefined {
    return this.gauge.memoryInUse;
  }

  async stop(graceSeconds: number): Promise<void> {
    await this.bringToAnEnd(graceSeconds);
    await this.ended.then(() => undefined, () => undefined);
  }

  /** SIGTERM, then SIGKILL after the grace; what has not ended then is given up. */
  private async bringToAnEnd(graceSeconds: number): Promise<void> {
    if (graceSeconds > 0) await this.signal('SIGTERM', graceSeconds * 1000);
    await this.signal('SIGKILL', KILL_MS);
    if (!this.over.signal.aborted) this.givenUp.abort();
  }

  /** Sends a signal, again until the daemon has taken it, and lets so much time pass, or less where it ends. */
  private async signal(signal: 'SIGTERM' | 'SIGKILL', ms: number): Promise<void> {
    const { over, daemon, launched: { id }, logger } = this;
    const until = performance.now() + ms;
    for (let taken = false; !over.signal.aborted && performance.now() < until; ) {
      if (!taken) {
        taken = await daemon.kill(id, signal).then(() => true, (error: unknown) => {
          logger.error({ err: error, container: id, signal }, 'a container could not be sent a signal');
          return false;
        });
      }
      const left = until - performance.now();
      if (!over.signal.aborted && left > 0) await elapse(taken ? left : Math.min(LOOK_MS, left), over.signal);
    }
  }

  /** From its start to its removal. A serving one is not sampled: it is asked for its memory when somebody wants to know. */
  private async follow(): Promise<ContainerExit> {
    const { launched: { id, disconnect }, options: { serving }, logger } = this;
    const watch = new ResourceWatch(() => this.daemon.stats(id), logger);
    if (!serving) watch.start();
    let end: ContainerState;
    try {
      end = await this.untilEnd();
    } catch (error) {
      // One that answers nothing removes nothing, and would only be waited for once more.
      const isHopeless = error instanceof EngineFault && error.kind === 'unresponsive';
      const isGone = !isHopeless && (await this.remove());
      throw error instanceof EngineFault ? error.with({ mayStillRun: !isGone }) : error;
    } finally {
      this.over.abort();
      watch.stop();
      this.gauge.stop();
      disconnect();
    }
    // It runs no more; where it cannot be removed now, it is when somebody looks for what nobody owns.
    await this.remove();
    const unstarted = this.launched.firstWords.fault(end.exitCode);
    if (unstarted !== undefined) throw startFailed(this.plan.image, unstarted);
    return { exitCode: end.exitCode, oomKilled: end.oomKilled, ...watch.result() };
  }

  /** Its end, all of its output heard. @throws EngineFault */
  private async untilEnd(): Promise<ContainerState> {
    const { exit, output } = this.launched;
    const [exits, outputs] = [settling(exit), settling(output)];
    await Promise.race([exit, output, abortOf(this.givenUp.signal)]);
    const endedFirst = outputs.settled && !exits.settled;
    await this.letSettle(Promise.all([exit, output]));
    const isCut = exits.settled && exits.value === undefined;
    const isWhole = exits.value !== undefined && outputs.value === true;
    if (this.options.serving) return this.endOfServing(isWhole);
    // A stream that was cut ends like one that is at its end: only one that outlasts the container is known to be whole.
    const isDoubtful = endedFirst && this.launched.heard.bytes <= WORTH_HEARING_AGAIN_BYTES;
    return this.hearOut({ isCut, isWhole, isDoubtful, hadItsTask: this.hasItsTask });
  }

  /** Waits for what follows at once where nothing is wrong, and as long as output comes: a flood is read after the exit, too. */
  private async letSettle(both: Promise<unknown>): Promise<void> {
    const { heard } = this.launched;
    const all = settling(both);
    for (let before = -1; !all.settled && heard.bytes > before && !this.givenUp.signal.aborted; ) {
      before = heard.bytes;
      const enough = new AbortController();
      await Promise.race([both, elapse(TOGETHER_MS, AbortSignal.any([enough.signal, this.givenUp.signal]))]);
      enough.abort();
    }
  }

  /** A serving container is no use without the connections to it. */
  private async endOfServing(isWhole: boolean): Promise<ContainerState> {
    const state = isWhole ? await this.daemon.stateOf(this.launched.id) : undefined;
    if (state !== undefined && !state.running) return state;
    throw new EngineFault(this.givenUp.signal.aborted ? 'unresponsive' : 'unreachable', 'the container engine went away under a container that serves');
  }

  /** Looks at the container until it has ended and its output is whole, which is read from its log where the connections were cut. */
  private async hearOut({ isCut, isWhole, isDoubtful, hadItsTask }: { isCut: boolean; isWhole: boolean; isDoubtful: boolean; hadItsTask: boolean }): Promise<ContainerState> {
    let [unbroken, whole] = [!isCut, isWhole && !isDoubtful];
    let end: ContainerState | undefined;
    // What is only doubtful is made sure of while it is asked how the container ended.
    let hearing = isWhole && isDoubtful ? this.hearLog({ mayRun: false }) : undefined;
    let wellAt = performance.now();
    try {
      for (;;) {
        const seen = end ?? (await this.look());
        if (seen instanceof EngineFault) {
          if (seen.kind === 'unreachable') unbroken = false;
          if (performance.now() - wellAt > AWAY_MS) throw seen;
        } else if (seen.running) {
          [unbroken, wellAt] = [true, performance.now()];
          if (!this.hasItsTask) throw new EngineFault('failed', 'the container engine went away before its container had read its task');
        } else {
          if (end === undefined && !unbroken) throw new EngineFault('failed', 'the container ended while its engine was away: ended by it, or with output that nobody heard');
          if (whole) {
            if (!hadItsTask && this.launched.heard.bytes > 0) throw new EngineFault('failed', 'the connection to the container was cut as it started: it may never have been given its task');
            return seen;
          }
          end ??= seen;
          if (performance.now() - wellAt > AWAY_MS) throw new EngineFault('unresponsive', 'the container has ended, and its engine does not give the rest of its output');
        }
        if (this.givenUp.signal.aborted) throw new EngineFault('unresponsive', 'the container was killed, and its engine does not say that it has ended');
        if (!(seen instanceof EngineFault) && hearing === undefined) {
          this.logger.info({ container: this.launched.id }, 'the connections to a container were cut; it is heard out from its log');
          hearing = this.hearLog({ mayRun: true });
        }
        const outcome = await Promise.race([...(hearing === undefined ? [] : [hearing.done]), elapse(LOOK_MS, this.givenUp.signal)]);
        if (outcome === undefined) continue;
        // A log that does not hold what was heard (bytes that are no UTF-8) says nothing against a stream that ended in good order.
        if (outcome instanceof EngineFault && !isWhole) throw outcome;
        hearing = undefined;
        whole = isWhole || outcome === 'whole';
        if (!whole) {
          // Seen to run again, it is heard again; one that ended meanwhile may have been ended by the daemon.
          unbroken = false;
          await elapse(LOOK_MS, this.givenUp.signal);
        }
      }
    } finally {
      hearing?.stop();
    }
  }

  /** Hears its log, from the beginning; one that runs on is first told again that its stdin is at an end. */
  private hearLog({ mayRun }: { mayRun: boolean }): LogHearing {
    const { launched: { id, stream, heard }, daemon } = this;
    // Two must not speak at once.
    stream.destroy();
    return new LogHearing(async () => {
      if (mayRun) await daemon.endStdin(id);
      return daemon.log(id);
    }, heard);
  }

  /** Whether what was written to its stdin has reached it: the daemon, which passes it on, may have gone away first. */
  private get hasItsTask(): boolean {
    return this.launched.heard.bytes > 0 || (Buffer.byteLength(this.plan.stdin) <= PIPE_BYTES && performance.now() - this.startedAt > PASSED_ON_MS);
  }

  /** How it is, or why that is not to be known now. @throws EngineFault where somebody has removed it */
  private async look(): Promise<ContainerState | EngineFault> {
    const { id } = this.launched;
    const state = await this.daemon.stateOf(id).catch((error: unknown) => {
      if (error instanceof EngineFault) return error;
      throw error;
    });
    if (state === undefined) throw new EngineFault('failed', 'the container was removed by somebody else');
    return state;
  }

  /** Whether it is known to be gone. */
  private async remove(): Promise<boolean> {
    const { launched: { id }, logger } = this;
    return this.daemon.remove(id).then(() => true, (error: unknown) => {
      logger.warn({ err: error, container: id }, 'a container could not be removed; it is when somebody looks for what nobody owns');
      return false;
    });
  }
}

/** What has become of a promise so far. */
function settling<T>(promise: Promise<T>): { settled: boolean; value?: T } {
  const seen: { settled: boolean; value?: T } = { settled: false };
  void promise.then((value) => Object.assign(seen, { settled: true, value }));
  return seen;
}

/** Lets time pass, milliseconds; an abort ends it early, without an error. */
async function elapse(milliseconds: number, signal: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

function abortOf(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
