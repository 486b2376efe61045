import { waitFor } from '@function-runner/testing';
import type { WarmMinimum } from '../config/warm-minimum.js';
import { EngineFault } from '../container/engine-fault.js';
import type { HeldLease } from '../lease/held-lease.js';
import type { LeaseKeeper, WarmFacts } from '../lease/lease-keeper.js';
import { createLogger } from '../logging/logger.js';
import { WorkerMetrics } from '../metrics/worker-metrics.js';
import type { Workspace } from '../workspace/workspace.js';
import type { ServingSession, SessionTerms } from './serving-session.js';
import { WarmPool } from './warm-pool.js';

const MIB = 1024 ** 2;
const PIPELINE = 'p:1';

/** What the pool knows of a session. */
class FakeSession {
  served = 1;
  idleSince = performance.now();
  idleAt = Date.now();
  busy = false;
  isGone = true;
  unfit: string | undefined;
  memoryAtFirst: number | undefined;
  readonly stops: number[] = [];
  /** What the container was last seen to use. */
  memoryInUse: number | undefined = 100 * MIB;
  die!: () => void;
  stopping: Promise<void> = Promise.resolve();
  readonly whenGone = new Promise<void>((resolve) => (this.die = resolve));

  constructor(readonly terms: SessionTerms) {}

  /** Later than any rest before, however fast the test is. */
  rest(): void {
    this.idleSince = performance.now();
    this.idleAt = Date.now();
  }

  async stop(graceSeconds: number): Promise<void> {
    this.stops.push(graceSeconds);
    this.unfit ??= 'it was stopped';
    await this.stopping;
  }
}

/** The leases as the pool has them done: what is held, and what the book was told of each. */
class FakeLeases {
  readonly held = new Set<string>();
  readonly warm = new Map<string, WarmFacts>();
  readonly abandoned: string[] = [];
  private made = 0;

  lease(): HeldLease {
    this.made += 1;
    const id = `l${this.made}`;
    this.held.add(id);
    return { id, amounts: { memory: 1 }, devices: [], taskId: 't', warm: false, renewedAt: 0 };
  }

  release(leases: readonly HeldLease[]): Promise<void> {
    for (const { id } of leases) {
      this.held.delete(id);
      this.warm.delete(id);
    }
    return Promise.resolve();
  }

  abandon({ id }: HeldLease): void {
    this.held.delete(id);
    this.abandoned.push(id);
  }

  keepWarm({ id }: HeldLease, facts: WarmFacts): Promise<void> {
    this.warm.set(id, facts);
    return Promise.resolve();
  }
}

let discarded: string[];
let cleaned: string[];
let cleaning: Promise<void>;
let sessions: FakeSession[];
let leases: FakeLeases;
let warm: WarmPool;

function pool({ warmContainers = 2, warmIdleMs = 60_000, warmMinimum = {} }: { warmContainers?: number; warmIdleMs?: number; warmMinimum?: WarmMinimum } = {}): WarmPool {
  const workspace = {
    discard: (folder: string) => Promise.resolve(void discarded.push(folder)),
    cleanScratch: (folder: string) => {
      cleaned.push(folder);
      return cleaning;
    },
  } as unknown as Workspace;
  warm = new WarmPool({ warmContainers, warmIdleMs, warmMinimum }, workspace, leases as unknown as LeaseKeeper, new WorkerMetrics(), createLogger('silent', 'test'));
  return warm;
}

const asSession = (session: FakeSession): ServingSession => session as unknown as ServingSession;

function newSession(lease: HeldLease, { key = 'k', pipelineId = PIPELINE, project = 'film' }: { key?: string; pipelineId?: string; project?: string } = {}): FakeSession {
  const session = new FakeSession({ key, folder: `/${sessions.length}`, graceSeconds: 60, lease, pipelineId, project: { name: project, id: project } });
  sessions.push(session);
  return session;
}

/** What intake and run do for a task: choose a warm container of its pipeline and project where one is idle, lease for another where none is, and take. */
async function take(taskId = 't', kind: { key?: string; pipelineId?: string; project?: string } = {}): Promise<FakeSession> {
  const { key = 'k', pipelineId = PIPELINE, project = 'film' } = kind;
  const idle = warm.idleContainers('w').filter((container) => container.pipelineId === pipelineId && container.projectId === project).sort((a, b) => b.idleSince - a.idleSince)[0];
  const lease = (idle === undefined ? undefined : warm.choose(idle.leaseId, taskId)) ?? leases.lease();
  return takeOn(lease, { key, pipelineId, project });
}

async function takeOn(lease: HeldLease, kind: { key?: string; pipelineId?: string; project?: string } = {}): Promise<FakeSession> {
  return (await warm.take({ key: kind.key ?? 'k', pipelineId: kind.pipelineId ?? PIPELINE }, lease, () => Promise.resolve(asSession(newSession(lease, kind))))) as unknown as FakeSession;
}

const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

/** What a run does at its end, and intake after it: a lease that is no container's is given back. */
async function giveBack(session: FakeSession): Promise<void> {
  session.rest();
  await warm.giveBack(asSession(session));
  if (!warm.has(session.terms.lease)) await leases.release([session.terms.lease]);
}

/** A task from its beginning to the moment at which its container is idle, or gone. */
async function serve(kind: { key?: string; pipelineId?: string; project?: string } = {}): Promise<FakeSession> {
  const session = await take('t', kind);
  await giveBack(session);
  await settle();
  return session;
}

const shown = (): [string, boolean][] => warm.idleContainers('w').map(({ leaseId, pinned }): [string, boolean] => [leaseId, pinned]).sort(([a], [b]) => (a < b ? -1 : 1));

beforeEach(() => {
  discarded = [];
  cleaned = [];
  cleaning = Promise.resolve();
  sessions = [];
  leases = new FakeLeases();
});
afterEach(async () => {
  // Whatever a test does: a pool that is closed holds nothing.
  await warm.close();
  expect([...leases.held]).toEqual([]);
});

describe('WarmPool', () => {
  it('gives the next task the container of the last one, with its lease', async () => {
    pool();
    const session = await serve();
    expect(warm.idleContainers('w')).toEqual([{
      leaseId: 'l1', workerId: 'w', pipelineId: PIPELINE, projectId: 'film', devices: [], amounts: { memory: 1 }, idleSince: session.idleAt, pinned: false,
    }]);
    expect(leases.warm.get('l1')).toEqual({ idleSince: session.idleAt, shareable: false, pinned: false });
    expect(await take()).toBe(session);
    expect([warm.warm, warm.idleContainers('w'), [...leases.held]]).toEqual([0, [], ['l1']]);
    expect(warm.has(session.terms.lease)).toBe(true);
  });

  it('does not keep a container whose memory grows', async () => {
    pool();
    const session = await serve();
    expect([warm.warm, session.memoryAtFirst]).toEqual([1, 100 * MIB]);
    expect(await take()).toBe(session);
    session.memoryInUse = 500 * MIB;
    await giveBack(session);
    await settle();
    expect([warm.warm, session.stops.length, discarded, [...leases.held]]).toEqual([0, 1, ['/0'], []]);
  });

  it('keeps one whose memory cannot be measured', async () => {
    pool();
    const session = await take();
    session.memoryInUse = undefined;
    await giveBack(session);
    await settle();
    expect(warm.warm).toBe(1);
  });

  it('gives a task that comes right after another the container of that one, which is not put in order yet', async () => {
    pool({ warmContainers: 9 });
    const session = await take();
    let clean!: () => void;
    cleaning = new Promise((resolve) => (clean = resolve));
    await giveBack(session);
    // Of two that come at once one chooses it; it waits until the container is in order, the other one does not.
    const [next, another] = [take('next'), take('another')];
    expect(await another).not.toBe(session);
    let gotIt = false;
    void next.then(() => (gotIt = true));
    await settle();
    expect(gotIt).toBe(false);
    clean();
    expect(await next).toBe(session);
    expect(session.stops).toEqual([]);
  });

  it.each<[string, (session: FakeSession) => void]>([
    ['cannot be put in order', () => (cleaning = Promise.reject(new Error('EACCES')))],
    ['has grown', (session) => (session.memoryInUse = 900 * MIB)],
  ])('gives no task one that %s, though it was chosen before that was known and is wanted only afterwards', async (_, spoil) => {
    pool();
    const session = await serve();
    expect(await take()).toBe(session);
    spoil(session);
    const given = giveBack(session);
    const lease = warm.choose(session.terms.lease.id, 'next');
    await given;
    await settle();
    if (lease === undefined) throw new Error('it was to be had a moment ago');
    const other = await takeOn(lease);
    expect(other).not.toBe(session);
    // On the same lease: the one before has gone first.
    expect([session.stops.length, discarded, other.terms.lease.id, [...leases.held]]).toEqual([1, ['/0'], 'l1', ['l1']]);
    expect(lease.warm).toBe(false);
  });

  it.each<[string, (session: FakeSession) => void]>([
    ['cannot be put in order', () => (cleaning = Promise.reject(new Error('EACCES')))],
    ['has grown', (session) => (session.memoryInUse = 900 * MIB)],
  ])('ends one that %s and was chosen for a task that was not to be had', async (_, spoil) => {
    pool();
    const session = await serve();
    expect(await take()).toBe(session);
    spoil(session);
    const given = giveBack(session);
    expect(warm.choose(session.terms.lease.id, 'next')?.id).toBe('l1');
    await given;
    await settle();
    warm.unchoose('l1', 'next');
    await settle();
    expect([warm.warm, session.stops.length, [...leases.held]]).toEqual([0, 1, []]);
  });

  it('has one that was chosen in vain idle again, as if nothing had been', async () => {
    pool();
    const session = await serve();
    const { idleAt } = session;
    expect(warm.choose('l1', 'a')?.id).toBe('l1');
    // Nobody else has it meanwhile, and nobody else gives it back.
    expect(warm.choose('l1', 'b')).toBeUndefined();
    warm.unchoose('l1', 'b');
    expect(warm.warm).toBe(0);
    warm.unchoose('l1', 'a');
    expect([warm.warm, session.idleAt]).toEqual([1, idleAt]);
    expect(await take()).toBe(session);
  });

  it('starts a new one on the lease where the pipeline has changed, once the old one is gone', async () => {
    pool();
    const old = await serve();
    let stopped!: () => void;
    old.stopping = new Promise((resolve) => (stopped = resolve));
    const taken = take('t', { key: 'changed' });
    await settle();
    expect([old.stops, sessions.length]).toEqual([[5], 1]);
    // What the new one is to have is nobody's to be offered.
    expect(warm.idleContainers('w')).toEqual([]);
    stopped();
    expect((await taken).terms.lease.id).toBe('l1');
    expect([discarded, [...leases.held]]).toEqual([['/0'], ['l1']]);
  });

  it('starts none on the lease of one whose end is not known, and gives that lease to nobody', async () => {
    pool();
    const old = await serve();
    old.isGone = false;
    await expect(take('t', { key: 'changed' })).rejects.toThrow(EngineFault);
    expect([sessions.length, leases.abandoned, discarded, warm.has(old.terms.lease)]).toEqual([1, ['l1'], [], false]);
  });

  it('leaves the lease to the task whose container goes with it: until its end is written, the book knows whose it was', async () => {
    pool();
    const session = await take();
    session.unfit = 'broken';
    await warm.giveBack(asSession(session));
    expect([session.stops.length, discarded, [...leases.held], warm.has(session.terms.lease)]).toEqual([1, ['/0'], ['l1'], false]);
    await leases.release([session.terms.lease]);
  });

  it('settles only when one that is unfit is gone, and gives its lease back no sooner', async () => {
    pool();
    const session = await take();
    session.unfit = 'broken';
    let stopped!: () => void;
    session.stopping = new Promise((resolve) => (stopped = resolve));
    let settled = false;
    const given = giveBack(session).then(() => (settled = true));
    await settle();
    expect([settled, discarded, [...leases.held], warm.has(session.terms.lease)]).toEqual([false, [], ['l1'], true]);
    expect(await take()).not.toBe(session);
    stopped();
    await given;
    expect([discarded, cleaned, [...leases.held]]).toEqual([['/0'], [], ['l2']]);
  });

  it('shows a container that ends as one whose place is free soon, and that serves nobody', async () => {
    pool();
    const session = await serve();
    let stopped!: () => void;
    session.stopping = new Promise((resolve) => (stopped = resolve));
    warm.evict(['l1']);
    expect(warm.idleContainers('w')).toEqual([expect.objectContaining({ leaseId: 'l1', pipelineId: '', idleSince: 0, pinned: false, amounts: { memory: 1 } })]);
    // So that the next round, which wants it to end as well, ends no other.
    warm.evict(['l1']);
    expect([session.stops, warm.choose('l1', 't')]).toEqual([[5], undefined]);
    stopped();
    await settle();
    expect(warm.idleContainers('w')).toEqual([]);
  });

  it('ends those that are in the way and no other, with little patience', async () => {
    pool();
    const [one, two] = [await take(), await take()];
    await Promise.all([giveBack(one), giveBack(two)]);
    await settle();
    warm.evict(['l2', 'never']);
    await settle();
    expect([one.stops, two.stops, [...leases.held]]).toEqual([[], [5], ['l1']]);
  });

  it('ends the longest idle one where another needs its place', async () => {
    pool();
    const three = [await take(), await take(), await take()];
    for (const session of three) {
      await giveBack(session);
      await settle();
    }
    expect(three.map(({ stops }) => stops.length)).toEqual([1, 0, 0]);
    // The second is used again, so the third has waited longest.
    expect(await take('t', { project: 'film' })).toBe(three[2]);
    await giveBack(three[2] as FakeSession);
    await settle();
    await serve({ pipelineId: 'other:1' });
    expect(three.map(({ stops }) => stops.length)).toEqual([1, 1, 0]);
    expect(warm.warm).toBe(2);
  });

  it('ends one that has lost its lease: at once while it idles, with its task while it works', async () => {
    pool();
    const [idle, working] = [await take(), await take()];
    await giveBack(idle);
    await settle();
    for (const { terms } of [idle, working]) {
      leases.held.delete(terms.lease.id);
      warm.lose(terms.lease);
    }
    await settle();
    expect([idle.stops.length, working.stops.length, working.unfit]).toEqual([1, 0, 'its lease was lost']);
    await giveBack(working);
    expect(working.stops).toHaveLength(1);
  });

  it('puts away one that dies while it waits', async () => {
    pool();
    const session = await serve();
    session.unfit = 'its container ended';
    session.die();
    await settle();
    expect([warm.warm, discarded, [...leases.held]]).toEqual([0, ['/0'], []]);
  });

  it('leaves none when it is closed in the middle of a decision, of an ending and of work', async () => {
    pool({ warmContainers: 9 });
    const idle = await serve({ pipelineId: 'idle:1' });
    const [deciding, ending, working] = [await take(), await take(), await take()];
    let clean!: () => void;
    cleaning = new Promise((resolve) => (clean = resolve));
    await giveBack(deciding);
    await settle();
    let stopped!: () => void;
    ending.stopping = new Promise((resolve) => (stopped = resolve));
    ending.unfit = 'broken';
    const given = giveBack(ending);
    await settle();
    let closed = false;
    working.busy = true;
    const closing = warm.close().then(() => (closed = true));
    await settle();
    // The ending that was under way is waited for as well.
    expect(closed).toBe(false);
    stopped();
    clean();
    await Promise.all([closing, given]);
    await settle();
    expect(warm.warm).toBe(0);
    // One at work has what its pipeline says.
    expect([deciding, ending, working, idle].map(({ stops }) => stops)).toEqual([[5], [5], [60], [5]]);
    expect(discarded.sort()).toEqual(['/0', '/1', '/2', '/3']);
    await giveBack(working);
    await settle();
    expect([working.stops.length, warm.warm, [...leases.held]]).toEqual([1, 0, []]);
  });

  it.each<[string, (session: FakeSession) => void]>([
    ['cannot be stopped', (session) => (session.stopping = Promise.reject(new Error('the daemon does not answer')))],
    ['was stopped, for all that is known', (session) => (session.isGone = false)],
  ])('keeps the lease of a container that %s from everybody, and its folder where it is', async (_, spoil) => {
    pool({ warmContainers: 0 });
    const session = await take();
    spoil(session);
    await giveBack(session);
    expect([session.stops.length, leases.abandoned, discarded]).toEqual([1, ['l1'], []]);
    expect(warm.has(session.terms.lease)).toBe(false);
  });
});

describe('the minimum kept warm', () => {
  it('is not ended by idling, nor for a task that waits; what is more than it is', async () => {
    pool({ warmContainers: 4, warmIdleMs: 300, warmMinimum: { [PIPELINE]: 1 } });
    const [first, second, other] = [await take(), await take(), await take('t', { pipelineId: 'other:1' })];
    for (const session of [first, second, other]) await giveBack(session);
    await settle();
    // The one used last is kept.
    expect(shown()).toEqual([['l1', false], ['l2', true], ['l3', false]]);
    expect([...leases.warm].map(([id, { pinned }]) => [id, pinned])).toEqual([['l1', false], ['l2', true], ['l3', false]]);
    warm.evict(['l2', 'l3']);
    await settle();
    expect([first, second, other].map(({ stops }) => stops.length)).toEqual([0, 0, 1]);
    // It begins to idle last: once its time is over, so is the pinned one's.
    const later = await take('t', { pipelineId: 'later:1' });
    await giveBack(later);
    await waitFor('those that are not pinned to have idled for too long', () => first.stops.length === 1 && later.stops.length === 1);
    await settle();
    expect([warm.warm, second.stops, [...leases.held]]).toEqual([1, [], ['l2']]);
  });

  it('passes to another where a pinned one is taken, and what was pinned beyond its time ends then', async () => {
    pool({ warmContainers: 4, warmIdleMs: 300, warmMinimum: { [PIPELINE]: 1 } });
    const [old, recent] = [await take(), await take()];
    await giveBack(old);
    await giveBack(recent);
    await settle();
    expect(warm.choose('l2', 't')?.id).toBe('l2');
    expect(shown()).toEqual([['l1', true]]);
    expect(leases.warm.get('l1')?.pinned).toBe(true);
    const later = await serve({ pipelineId: 'later:1' });
    await waitFor('one that is not pinned to have idled for too long', () => later.stops.length === 1);
    expect(old.stops).toEqual([]);
    await takeOn(recent.terms.lease);
    await giveBack(recent);
    await settle();
    expect([old.stops, recent.stops, shown()]).toEqual([[5], [], [['l2', true]]]);
  });

  it('is never what goes where one is too many: another goes, or the one that is given back', async () => {
    pool({ warmContainers: 2, warmMinimum: { [PIPELINE]: 1 } });
    const pinned = await serve();
    const others = [await serve({ pipelineId: 'a:1' }), await serve({ pipelineId: 'b:1' })];
    expect([pinned.stops.length, ...others.map(({ stops }) => stops.length)]).toEqual([0, 1, 0]);
    const [busy, late] = [await take('t', { pipelineId: 'b:1' }), await take('t', { pipelineId: 'c:1' })];
    await giveBack(late);
    await settle();
    expect([pinned.stops.length, busy.stops.length, late.stops.length]).toEqual([0, 0, 1]);
  });

  it('finds room for one that was started before any task came', async () => {
    pool({ warmContainers: 2, warmMinimum: { [PIPELINE]: 1 } });
    const [longest, other] = [await serve({ pipelineId: 'a:1' }), await serve({ pipelineId: 'b:1' })];
    expect([warm.count(PIPELINE), warm.makeRoom()]).toEqual([0, true]);
    await settle();
    expect([longest.stops.length, other.stops.length]).toEqual([1, 0]);
    let heard = 0;
    warm.onIdle(() => (heard += 1));
    warm.add(asSession(newSession(leases.lease())));
    expect([warm.count(PIPELINE), warm.termsOf(PIPELINE).map(({ project }) => project?.name), heard]).toEqual([1, ['film'], 1]);
    expect(shown()).toEqual([['l2', false], ['l3', true]]);
  });

  it('finds none where all that is kept is at work or pinned', async () => {
    pool({ warmContainers: 2, warmMinimum: { [PIPELINE]: 2 } });
    const session = await serve();
    await take('t', { pipelineId: 'a:1' });
    expect([warm.makeRoom(), session.stops]).toEqual([false, []]);
  });

  it('counts what is being started for a task, so that nobody starts it twice', async () => {
    pool();
    const lease = leases.lease();
    let started!: (session: ServingSession) => void;
    const taken = warm.take({ key: 'k', pipelineId: PIPELINE }, lease, () => new Promise((resolve) => (started = resolve)));
    await settle();
    expect(warm.count(PIPELINE)).toBe(1);
    started(asSession(newSession(lease)));
    await taken;
    expect(warm.count(PIPELINE)).toBe(1);
    const failing = warm.take({ key: 'k', pipelineId: 'a:1' }, lease, () => Promise.reject(new Error('no image')));
    await expect(failing).rejects.toThrow('no image');
    expect(warm.count('a:1')).toBe(0);
  });

  it('does not outlive a change of the pipeline', async () => {
    pool({ warmMinimum: { [PIPELINE]: 2 } });
    const [old, current] = [await take(), await take('t', { key: 'new' })];
    for (const session of [old, current]) await giveBack(session);
    await settle();
    warm.retire(PIPELINE, ({ key }) => key === 'new');
    warm.retire('other:1', () => false);
    await settle();
    expect([old.stops.length, current.stops.length, warm.count(PIPELINE)]).toEqual([1, 0, 1]);
  });

  it('takes one that died before it was handed over for what it is', async () => {
    pool({ warmMinimum: { [PIPELINE]: 1 } });
    const dead = newSession(leases.lease());
    dead.unfit = 'its container ended';
    warm.add(asSession(dead));
    await settle();
    expect([warm.count(PIPELINE), warm.warm, dead.stops.length, discarded]).toEqual([0, 0, 1, ['/0']]);
  });
});
