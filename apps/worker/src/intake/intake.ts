/**
 * Takes tasks: what of what waits is this worker's to run, and on what.
 *
 * Lease, then fetch. A round decides over the mirror of the queues and the book (pure, libs/scheduling), leases what the
 * chosen tasks need, and takes just those out of their queues; a task never waits for capacity in anybody's hands. A round
 * follows whenever something may have changed: a task came, something came free, a container became warm. The slow look
 * behind it finds what messages did not tell.
 *
 * Owns the loop and the tasks under way. Must stay true: no more than WORKER_CONCURRENCY tasks run; none is taken again
 * while an earlier run of it is still being ended here, since both would go by the same names; a task that is run has its
 * lease from before it was taken until what ran is gone; whatever becomes of a run, its job is completed or put back; what
 * dead workers had in hand waits again soon.
 */
import { Inject, Injectable } from '@nestjs/common';
import { schedulerChannel } from '@function-runner/progress-protocol';
import { decodeSchedulerMessage, holdsEnough, place, schedule, waitingTaskOf, WaitingMirror, type ClusterState, type HostState, type Placed, type Reservation, type SchedulerMessage, type TakenTask, type WaitingTask, type WarmContainer } from '@function-runner/scheduling';
import { QUALITY_TIERS } from '@function-runner/pipeline-schema';
import { WORKER_CONFIG, type WorkerConfig } from '../config/worker-config.js';
import { DeadWorkers } from '../lease/dead-workers.js';
import type { HeldLease } from '../lease/held-lease.js';
import { EngineHealth } from '../container/engine-health.js';
import { Host } from '../lease/host.js';
import { LeaseKeeper } from '../lease/lease-keeper.js';
import { LOGGER, type Logger } from '../logging/logger.js';
import { WorkerMetrics } from '../metrics/worker-metrics.js';
import { RedisConnections } from '../progress/redis-connections.js';
import { elapse } from '../run/elapse.js';
import { LiveRuns } from '../run/live-runs.js';
import { RunTask, type RunEnd } from '../run/run-task.js';
import { WorkerOrders } from '../run/worker-orders.js';
import { WarmPool } from '../warm/warm-pool.js';
import type { WarmUpGate } from '../warm/warm-up.js';
import { ClusterView } from './cluster-view.js';
import { LostJobs } from './lost-jobs.js';
import { TierQueues, type Taken } from './tier-queues.adapter.js';

/** Between two looks at queues, book and other hosts: what a lost message costs at most. */
const LOOK_MS = 1000;

/** How long a task is left to whom it suits better: another host, or another worker's warm container. Far longer than they need to take it, far shorter than a cold start. */
const COURTESY_MS = 250;

/** Starts that are asked for beyond our own, since some of those chosen are others' to make. */
const OTHERS_STARTS = 64;

/** What is kept for a task that was passed over for too long is kept anew with every look; a reservation outlives a few lost ones. */
const RESERVATION_MS = 5000;

/** Pause before a task whose run the infrastructure broke waits again. */
const MISHAP_PAUSE_MS = 1000;

/** No pipeline's id: a container that is in the way, and of no use. */
const SERVES_NOBODY = '';

type TakenJob = Extract<Taken, { kind: 'taken' }>;

/** A task with what it needs in hand. */
interface HeldStart {
  task: WaitingTask;
  lease: HeldLease;
  /** Whether a warm container serves it. */
  warm: boolean;
}

@Injectable()
export class Intake implements WarmUpGate {
  private readonly queues: TierQueues;
  private readonly lostJobs: LostJobs;
  private readonly waiting: WaitingMirror;
  private readonly underWay = new Map<string, Promise<void>>();
  /** Since when tasks have been left to others, milliseconds of the monotonic clock. */
  private readonly leftToOthers = new Map<string, number>();
  private readonly reserved = new Set<string>();
  /** Containers that are being ended, by the task that needs their place. */
  private readonly makingRoom = new Map<string, readonly WarmContainer[]>();
  private readonly stopping = new AbortController();
  private accepting = false;
  private paused = false;
  private round: Promise<void> | undefined;
  private again = false;
  private lookTimer: NodeJS.Timeout | undefined;
  private courtesyTimer: NodeJS.Timeout | undefined;
  /** Our own messages are known by it. */
  private readonly ownMark: string;
  private readonly onMessage = (channel: string, text: string): void => {
    if (channel === schedulerChannel) this.hear(text);
  };

  constructor(
    @Inject(WORKER_CONFIG) private readonly config: WorkerConfig,
    private readonly redis: RedisConnections,
    private readonly engine: EngineHealth,
    private readonly host: Host,
    private readonly leases: LeaseKeeper,
    private readonly dead: DeadWorkers,
    private readonly view: ClusterView,
    private readonly pool: WarmPool,
    private readonly runTask: RunTask,
    private readonly live: LiveRuns,
    private readonly orders: WorkerOrders,
    private readonly metrics: WorkerMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    const limits = Object.fromEntries(QUALITY_TIERS.map((tier) => [tier, config.tiers[tier].max_concurrent])) as Record<keyof WorkerConfig['tiers'], number>;
    this.ownMark = `"worker":${JSON.stringify(config.workerId)}`;
    this.queues = new TierQueues(redis.queue, {
      prefix: config.queuePrefix, limits,
      onLost: (taskId) => this.live.stop(taskId, { kind: 'superseded' }),
      onNotOurs: (taskId) => this.logger.warn({ task: taskId }, 'the job of a task that ran here is another worker’s by now'),
      onUnreadable: (taskId, error) => this.logger.debug({ err: error, task: taskId }, 'a job that cannot be read'),
      onError: (error) => this.redis.complain(error),
    });
    this.lostJobs = new LostJobs(this.queues);
    this.waiting = new WaitingMirror(this.queues, limits);
    leases.onLost((lease) => {
      if (lease.taskId !== undefined) this.live.stop(lease.taskId, { kind: 'lease-lost' });
      pool.lose(lease);
    });
    pool.onIdle(() => this.wake());
    engine.onChange(() => this.wake());
  }

  /** Whether tasks are being taken. */
  get running(): boolean {
    return this.accepting;
  }

  mayWarmUp(): boolean {
    return this.accepting && this.engine.fit && this.waiting.line.size === 0;
  }

  /** Begins to take tasks. Host and leases must be open. */
  async start(): Promise<void> {
    await this.queues.open();
    // A start that failed half-way is tried again.
    this.redis.subscriber.off('message', this.onMessage).on('message', this.onMessage);
    await this.redis.subscriber.subscribe(schedulerChannel);
    // The worker may have been told to end while it was starting.
    if (this.paused) return;
    this.accepting = true;
    await this.look();
  }

  /** Takes no further task; what runs goes on. */
  async pause(): Promise<void> {
    this.paused = true;
    this.accepting = false;
    clearTimeout(this.lookTimer);
    clearTimeout(this.courtesyTimer);
    await this.round;
  }

  /** Waits for what still runs, then lets go of the queues. */
  async close(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.underWay.values());
    this.redis.subscriber.off('message', this.onMessage);
    await this.queues.close();
  }

  /** Something may have changed: a round follows, after the one under way if there is one. */
  wake(): void {
    if (!this.accepting) return;
    if (this.round !== undefined) {
      this.again = true;
      return;
    }
    this.round = this.decide()
      .catch((error: unknown) => this.redis.complain(error))
      .finally(() => {
        this.round = undefined;
        if (!this.again) return;
        this.again = false;
        this.wake();
      });
  }

  /** Looks at everything that messages should have told, and goes on doing so. */
  private async look(): Promise<void> {
    clearTimeout(this.lookTimer);
    try {
      this.leases.mirror.expire();
      this.leases.forgetOwnReleases();
      const again = (await this.lostJobs.look()).length;
      if (again > 0) {
        this.metrics.repairs.inc({ kind: 'job-without-worker' }, again);
        this.logger.warn({ jobs: again }, 'jobs whose workers were lost wait again');
      }
      await Promise.all([this.waiting.look(Date.now()), this.view.lookAround(), this.dead.look()]);
      for (const left of [this.leftToOthers, this.makingRoom]) for (const taskId of left.keys()) if (!this.waiting.line.has(taskId)) left.delete(taskId);
      this.wake();
    } catch (error) {
      this.redis.complain(error);
    }
    clearTimeout(this.lookTimer);
    if (this.accepting) this.lookTimer = setTimeout(() => void this.look(), LOOK_MS);
  }

  private hear(text: string): void {
    // What we said ourselves, which is most of it where one worker is busy, need not be read.
    if (text.includes(this.ownMark)) return;
    let message: SchedulerMessage;
    try {
      message = decodeSchedulerMessage(text);
    } catch (error) {
      this.logger.warn({ err: error, text: text.slice(0, 200) }, 'a message of the scheduler that cannot be read');
      return;
    }
    // What we gave back ourselves is in the mirror already; of others' changes it knows nothing.
    if ('host' in message && message.host === this.host.id && !(message.kind === 'free' && this.leases.isOwnRelease())) this.leases.mirror.expire();
    this.waiting.hear(message, () => this.view.hosts, Date.now());
    if (message.kind !== 'taken') this.wake();
  }

  private get cluster(): ClusterState {
    return { hosts: this.view.hosts, tiers: this.waiting.tiers };
  }

  private async decide(): Promise<void> {
    if (!this.redis.fitness.fit || !this.engine.fit) return;
    const places = this.config.concurrency - this.underWay.size;
    if (places <= 0 || this.waiting.line.size === 0) return;
    if (this.leases.mirror.isStale) await this.leases.mirror.refresh();
    const { cluster } = this;
    const { starts, reservations } = schedule(this.waiting.line, cluster, { most: places + OTHERS_STARTS });
    void this.keepFor(reservations);
    const ours: { task: WaitingTask; placement: Placed }[] = [];
    for (const start of starts) {
      if (ours.length === places) break;
      // It was lost here, and is not put away yet: it comes back to mind when it is.
      if (this.underWay.has(start.task.taskId)) continue;
      const placement = this.placementHere(start.task, start.placement, cluster);
      if (placement === undefined) continue;
      if (placement.evict.length > 0) this.makeRoom(start.task, placement);
      else ours.push({ task: start.task, placement });
    }
    if (ours.length === 0) return;
    const held = await this.hold(ours);
    await this.fetch(held, cluster);
  }

  /** The placement, if it is ours to make: here, and by no other worker's container, unless those have let it wait. */
  private placementHere(task: WaitingTask, chosen: Placed, { hosts }: ClusterState): Placed | undefined {
    const { workerId } = this.config;
    if (chosen.warm !== undefined && !holdsEnough(chosen.warm, task.demand)) return this.placeHere(task, hosts);
    if (chosen.hostId === this.host.id && (chosen.warm === undefined || chosen.warm.workerId === workerId)) return chosen;
    const now = performance.now();
    const since = this.leftToOthers.get(task.taskId);
    if (since === undefined || now - since < COURTESY_MS) {
      if (since === undefined) this.leftToOthers.set(task.taskId, now);
      this.courtesyTimer ??= setTimeout(() => {
        this.courtesyTimer = undefined;
        this.wake();
      }, COURTESY_MS);
      return undefined;
    }
    return this.placeHere(task, hosts);
  }

  /** A place on this host: by a container of ours that holds enough, or where it fits, perhaps once others of ours have ended. */
  private placeHere(task: WaitingTask, hosts: readonly HostState[]): Placed | undefined {
    const { workerId } = this.config;
    const ours = ({ warm }: HostState): WarmContainer[] => warm
      .filter((container) => container.workerId === workerId)
      .map((container) => (holdsEnough(container, task.demand) ? container : { ...container, pipelineId: SERVES_NOBODY }));
    const here = hosts.filter(({ hostId }) => hostId === this.host.id).map((host): HostState => ({ ...host, warm: ours(host) }));
    const placement = place(task, here);
    return placement.kind === 'placed' ? placement : undefined;
  }

  /**
   * Containers in the way are ended by whose they are; the task starts when their leases are back. That may take as long as
   * their grace, and until then no others are ended for it.
   */
  private makeRoom({ taskId }: WaitingTask, placement: Placed): void {
    const { workerId } = this.config;
    const warm = new Set(this.leases.mirror.current.leases.flatMap(({ id, purpose, expired }) => (purpose === 'warm' && !expired ? [id] : [])));
    const ending = this.makingRoom.get(taskId)?.filter((container) => (container.workerId === workerId ? this.leases.isIdle(container.leaseId) : warm.has(container.leaseId))) ?? [];
    const evict = ending.length > 0 ? ending : placement.evict;
    this.makingRoom.set(taskId, evict);
    this.pool.evict(evict.filter((container) => container.workerId === workerId).map(({ leaseId }) => leaseId));
    for (const { workerId: other, leaseId } of evict) if (other !== workerId) this.orders.send(other, { evict: leaseId });
  }

  /** Takes hold of what each needs: a warm container of ours, or a new lease. Those that cannot be had are left out. */
  private async hold(starts: readonly { task: WaitingTask; placement: Placed }[]): Promise<HeldStart[]> {
    const warm = starts.flatMap(({ task, placement }): HeldStart[] => {
      const lease = placement.warm === undefined ? undefined : this.pool.choose(placement.warm.leaseId, task.taskId);
      return lease === undefined ? [] : [{ task, lease, warm: true }];
    });
    const cold = starts.filter(({ placement }) => placement.warm === undefined);
    const leases = await this.leases.acquire(cold.map(({ task, placement }) => ({ task, amounts: placement.amounts }))).catch((error: unknown) => {
      this.letGo(warm);
      throw error;
    });
    // A container that we thought idle is not: the book shows it as it was.
    if (warm.length + cold.length < starts.length) this.leases.mirror.expire();
    return [...warm, ...cold.flatMap(({ task }, index): HeldStart[] => {
      const lease = leases[index];
      return lease === undefined ? [] : [{ task, lease, warm: false }];
    })];
  }

  /** Takes the tasks out of their queues; what is not to be had gives back what was held for it. */
  private async fetch(held: readonly HeldStart[], cluster: ClusterState): Promise<void> {
    const vain: HeldStart[] = [];
    const taken: TakenTask[] = [];
    const answered = await Promise.allSettled(QUALITY_TIERS.map(async (tier) => {
      const ofTier = held.filter(({ task }) => task.tier === tier);
      if (ofTier.length === 0) return;
      const answers = await this.queues.take(tier, ofTier.map(({ task }) => task.taskId)).catch((error: unknown) => {
        vain.push(...ofTier);
        throw error;
      });
      for (const [index, start] of ofTier.entries()) {
        const { taskId } = start.task;
        const answer = answers[index];
        if (answer?.kind === 'taken') {
          const began = { taskId, resources: Object.keys(start.lease.amounts), warm: start.warm };
          this.waiting.taken(began, this.host.id, cluster, Date.now());
          this.leftToOthers.delete(taskId);
          taken.push(began);
          this.carry(start, answer);
        } else {
          if (answer?.kind === 'tier-full') this.waiting.full(tier);
          else this.waiting.gone(taskId);
          vain.push(start);
        }
      }
    }));
    // Not before all have answered: what comes in vain later would be held for ever.
    this.letGo(vain);
    // With the first words of the runs, which go over the other connection.
    if (taken.length > 0) this.say({ kind: 'taken', host: this.host.id, worker: this.config.workerId, tasks: taken }, this.redis.main);
    for (const answer of answered) if (answer.status === 'rejected') throw answer.reason;
  }

  private letGo(vain: readonly HeldStart[]): void {
    for (const { warm, lease, task } of vain) if (warm) this.pool.unchoose(lease.id, task.taskId);
    void this.leases.release(vain.filter(({ warm }) => !warm).map(({ lease }) => lease));
  }

  private carry(start: HeldStart, job: TakenJob): void {
    const { taskId } = start.task;
    const carried = this.carryOut(start, job)
      .catch((error: unknown) => this.logger.error({ err: error, task: taskId }, 'a task could not be put away; its lock runs out, and another worker takes it'))
      .finally(() => {
        this.underWay.delete(taskId);
        this.wake();
      });
    this.underWay.set(taskId, carried);
  }

  private async carryOut({ task, lease, warm }: HeldStart, { payload, claim, starts }: TakenJob): Promise<void> {
    const { taskId, tier } = task;
    let end: RunEnd;
    try {
      if (warm) this.leases.useFor(lease, task).catch((error: unknown) => this.logger.warn({ err: error }, 'the book could not be told what a warm container does'));
      end = await this.runTask.run({ taskId, payload, lease, claim, starts, isOurs: () => this.queues.confirm(taskId) });
    } catch (error) {
      this.logger.error({ err: error, task: taskId }, 'a run could not be begun or put away; the task waits again');
      end = { kind: 'put-back' };
      await this.giveBack(lease, task);
      await elapse(MISHAP_PAUSE_MS, this.stopping.signal);
    }
    // In this order on one connection: whoever hears of the free place finds the tier's too.
    const away = this.putAway(task, end);
    const back = this.giveBack(lease, task);
    this.waiting.ended(taskId);
    this.say({ kind: 'ended', worker: this.config.workerId, taskIds: [taskId] });
    await Promise.all([away, back]);
    if (end.kind !== 'put-back') return;
    const again = waitingTaskOf(taskId, tier, end.payload ?? payload, task.priority);
    this.waiting.enter(again);
    this.say({ kind: 'waiting', task: again });
  }

  private putAway({ taskId, tier }: WaitingTask, end: RunEnd): Promise<void> {
    return end.kind === 'done' ? this.queues.complete(tier, taskId) : this.queues.putBack(tier, taskId, end.payload);
  }

  /** A container that stays up keeps the lease, until it ends. */
  private async giveBack(lease: HeldLease, { taskId }: WaitingTask): Promise<void> {
    this.pool.unchoose(lease.id, taskId);
    if (!this.pool.has(lease)) await this.leases.release([lease]);
  }

  /** Writes the reservations of this host into the book, where they hold for all its workers; what has no reason any more is taken back. */
  private async keepFor(reservations: readonly Reservation[]): Promise<void> {
    const here = reservations.filter(({ hostId }) => hostId === this.host.id);
    const wanted = new Set(here.map(({ task }) => task.taskId));
    const over = [...this.reserved].filter((taskId) => !wanted.has(taskId));
    try {
      for (const taskId of over) {
        this.reserved.delete(taskId);
        await this.host.book.unreserve(taskId);
      }
      for (const { task, resources } of here) {
        if (await this.host.book.reserve(task.taskId, resources, RESERVATION_MS)) this.reserved.add(task.taskId);
      }
      if (over.length + here.length > 0) this.leases.mirror.expire();
    } catch (error) {
      this.logger.warn({ err: error }, 'what is kept for tasks that were passed over could not be written');
    }
  }

  private say(message: SchedulerMessage, connection = this.redis.queue): void {
    connection.publish(schedulerChannel, JSON.stringify(message)).catch((error: unknown) => {
      this.logger.debug({ err: error, kind: message.kind }, 'the other workers could not be told');
    });
  }
}
