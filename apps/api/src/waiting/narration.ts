/**
 * One process's time as the teller of the queue's story: learns what waits and why, tells those who wait, and gives up for
 * whom no worker comes.
 *
 * Owns the mirror of the queues and what was told. It is made when the process becomes the narrator and thrown away when it
 * is no longer. Rounds come one after the other.
 */
import type { ClusterReader } from '@function-runner/lease-book';
import type { QualityTier } from '@function-runner/pipeline-schema';
import { couldEverRun, WaitingMirror, type HostState, type ResourceDemand, type RunningTask, type VisibleQueues, type WaitingTask } from '@function-runner/scheduling';
import type { HostFacts, TaskStore, WorkerRegistry } from '@function-runner/task-store';
import { emptyHost } from '../hosts/judge-capability.js';
import { giveUpWaiting } from '../hosts/no-capable-worker.js';
import type { ApiMetrics } from '../metrics/api-metrics.js';
import type { Durations } from './durations.port.js';
import type { GivenUpTasks } from './given-up-tasks.js';
import { HopelessDemands } from './hopeless-demands.js';
import { QueueTeller } from './queue-teller.js';
import type { SchedulerFeed } from './scheduler-feed.js';
import { standingsOf } from './standings.js';
import { noneWaiting } from './waiting-counts.js';

/** Between two looks at the queues, milliseconds, while messages keep the mirror in step: what a lost one costs at most. */
const LOOK_MS = 2000;

/**
 * A task that has waited so long makes a backlog, milliseconds. Without one messages are not listened to: each costs a busy
 * process as much as the half of an event, and a look in every round tells of the few that wait all that is worth telling.
 */
const BACKLOG_MS = 1000;

/** Between two looks at the hosts, while something waits. */
const HOSTS_MS = 1000;

/** Between two looks at how long tasks take: what is learned changes slowly. */
const DURATIONS_MS = 10_000;

/** Tasks of a tier that are told where they stand: of four full tiers it takes some ten milliseconds, for which requests wait. Those behind have these before them anyway. */
const MOST_STANDINGS = 1000;

/** Standings that took long to find out are followed by so many times as long a pause: they take no more than a twentieth of the process's time. */
const PAUSE_FACTOR = 20;

/** Tasks that one round gives up. */
const MOST_GIVEN_UP = 100;

/** What a narration speaks to. */
export interface NarrationParts {
  feed: Pick<SchedulerFeed, 'open' | 'close'>;
  jobs: VisibleQueues;
  registry: Pick<WorkerRegistry, 'hosts'>;
  cluster: Pick<ClusterReader, 'read'>;
  store: Pick<TaskStore, 'readMany' | 'tellQueued'>;
  durations: Durations;
  givenUp: Pick<GivenUpTasks, 'end' | 'resume'>;
  metrics: Pick<ApiMetrics, 'queueEvents' | 'showWaiting'>;
}

export interface NarrationOptions {
  /** Tasks of each tier that may run at once. */
  limits: Readonly<Record<QualityTier, number>>;
  /** How long a task waits for a host that could run it, milliseconds. */
  capableWorkerWaitMs: number;
}

export class Narration {
  private readonly mirror: WaitingMirror;
  private readonly teller: QueueTeller;
  private readonly hopeless = new HopelessDemands();
  private hosts: readonly HostFacts[] = [];
  private states: readonly HostState[] = [];
  /** When each was done last, milliseconds of the monotonic clock. */
  private readonly done = { look: -Infinity, hosts: -Infinity, durations: -Infinity, standings: -Infinity };
  private pauseMs = 0;
  private listening = false;

  constructor(
    private readonly parts: NarrationParts,
    private readonly options: NarrationOptions,
  ) {
    this.mirror = new WaitingMirror(parts.jobs, options.limits);
    this.teller = new QueueTeller(parts.store, () => parts.metrics.queueEvents.inc());
  }

  close(): void {
    this.listen(false);
    this.parts.metrics.showWaiting(noneWaiting());
  }

  /** Looks at what is due, and tells. @throws what Redis answers */
  async round(): Promise<void> {
    await this.parts.givenUp.resume();
    await this.every('look', this.listening ? LOOK_MS : 0, () => this.mirror.look(Date.now()));
    const { line } = this.mirror;
    this.listen(this.hasBacklog(Date.now()));
    if (line.size === 0) {
      this.parts.metrics.showWaiting(noneWaiting());
      this.hopeless.update([], [], 0);
      return;
    }
    await this.every('hosts', HOSTS_MS, () => this.readHosts());
    await this.every('durations', DURATIONS_MS, () => this.learnDurations());
    await this.every('standings', this.pauseMs, () => this.tell());
    await this.giveUp();
  }

  private hasBacklog(now: number): boolean {
    for (const group of this.mirror.line.groups()) if (now - (group.at(0)?.submittedAt ?? now) > BACKLOG_MS) return true;
    return false;
  }

  private listen(wanted: boolean): void {
    if (wanted === this.listening) return;
    this.listening = wanted;
    if (wanted) this.parts.feed.open((message) => this.mirror.hear(message, () => this.states, Date.now()));
    else this.parts.feed.close();
  }

  private async tell(): Promise<void> {
    const { durations, metrics } = this.parts;
    const { line } = this.mirror;
    const from = performance.now();
    const durationOf = (pipelineId: string, tier: QualityTier): number | undefined => durations.secondsOf(pipelineId, tier);
    const standings = standingsOf({ line, cluster: { hosts: this.states, tiers: this.mirror.tiers }, running: this.running(durationOf), durationOf, most: MOST_STANDINGS });
    metrics.showWaiting(standings.counts);
    const tellings = this.teller.choose(standings.tasks, from);
    this.pauseMs = PAUSE_FACTOR * (performance.now() - from);
    await this.teller.tell(tellings, from);
  }

  /** Does something where it is due. What fails is tried again in the next round: nothing is told of what is not known. */
  private async every(what: keyof Narration['done'], pauseMs: number, work: () => Promise<void>): Promise<void> {
    if (performance.now() - this.done[what] < pauseMs) return;
    await work();
    this.done[what] = performance.now();
  }

  private async readHosts(): Promise<void> {
    const { registry, cluster } = this.parts;
    this.hosts = await registry.hosts();
    this.states = await Promise.all(this.hosts.filter(({ alive }) => alive).map((host) => cluster.read(host)));
    this.hopeless.update(this.demands(), this.hosts, Date.now());
  }

  /** Of each group's head, as the rest of the group is alike. */
  private *demands(): IterableIterator<ResourceDemand> {
    for (const group of this.mirror.line.groups()) {
      const head = group.at(0);
      if (head !== undefined) yield head.demand;
    }
  }

  private async learnDurations(): Promise<void> {
    const pairs = new Map<string, { pipelineId: string; tier: QualityTier }>();
    for (const { pipelineId, tier } of [...this.mirror.line.groups(), ...[...this.mirror.running()].map(({ task }) => task)]) pairs.set(`${tier} ${pipelineId}`, { pipelineId, tier });
    await this.parts.durations.learn([...pairs.values()]);
  }

  private running(durationOf: Durations['secondsOf']): RunningTask[] {
    const now = Date.now();
    return [...this.mirror.running()].map(({ task: { tier, demand, pipelineId }, startedAt }) => {
      const seconds = durationOf(pipelineId, tier);
      return { tier, demand, remainingSeconds: seconds === undefined ? undefined : seconds - (now - startedAt) / 1000 };
    });
  }

  /** Ends what no host that lives could have run for too long. */
  private async giveUp(): Promise<void> {
    const { capableWorkerWaitMs: waitMs } = this.options;
    const doomed = this.doomed(Date.now() - waitMs);
    if (doomed.length === 0) return;
    // As things stand now: one that can may just have come.
    await this.readHosts();
    const live = this.hosts.filter(({ alive }) => alive).map(emptyHost);
    for (const { taskId, tier, demand } of doomed) {
      const ability = couldEverRun(demand, live);
      if (ability.able) continue;
      const reason = giveUpWaiting(demand, live.length === 0 ? undefined : ability.why, waitMs);
      if (await this.parts.givenUp.end(taskId, tier, reason)) this.mirror.gone(taskId);
    }
  }

  /** Tasks that were submitted before a time, and of which nobody has been able to run any since. */
  private doomed(time: number): WaitingTask[] {
    const doomed: WaitingTask[] = [];
    for (const group of this.mirror.line.groups()) {
      const head = group.at(0);
      if (head === undefined || (this.hopeless.sinceOf(head.demand) ?? Infinity) > time) continue;
      // The oldest first.
      for (let place = 0; place < group.size; place += 1) {
        const task = group.at(place);
        if (task === undefined || task.submittedAt > time) break;
        doomed.push(task);
        if (doomed.length === MOST_GIVEN_UP) return doomed;
      }
    }
    return doomed;
  }
}
