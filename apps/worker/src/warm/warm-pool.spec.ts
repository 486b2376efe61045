import { createLogger } from '../logging/logger.js';
import { WorkerMetrics } from '../metrics/worker-metrics.js';
import type { Workspace } from '../workspace/workspace.js';
import type { ServingSession } from './serving-session.js';
import { WarmPool } from './warm-pool.js';

const MIB = 1024 ** 2;

/** What the pool knows of a session. */
class FakeSession {
  served = 1;
  idleSince = performance.now();
  unfit: string | undefined;
  memoryAtFirst: number | undefined;
  stops = 0;
  /** What the container was last seen to use. */
  memoryInUse: number | undefined = 100 * MIB;
  die!: () => void;
  stopping: Promise<void> = Promise.resolve();
  readonly whenGone = new Promise<void>((resolve) => (this.die = resolve));

  constructor(readonly terms: { key: string; folder: string; graceSeconds: number }) {}

  async stop(): Promise<void> {
    this.stops += 1;
    this.unfit ??= 'it was stopped';
    await this.stopping;
  }
}

let discarded: string[];
let cleaned: string[];
let cleaning: Promise<void>;
let sessions: FakeSession[];

function pool(warmContainers = 2): WarmPool {
  const workspace = {
    discard: (folder: string) => Promise.resolve(void discarded.push(folder)),
    cleanScratch: (folder: string) => {
      cleaned.push(folder);
      return cleaning;
    },
  } as unknown as Workspace;
  return new WarmPool({ warmContainers, warmIdleMs: 60_000 }, workspace, new WorkerMetrics(), createLogger('silent', 'test'));
}

const take = async (from: WarmPool, key = 'k'): Promise<FakeSession> =>
  (await from.take(key, () => {
    const session = new FakeSession({ key, folder: `/${sessions.length}`, graceSeconds: 1 });
    sessions.push(session);
    return Promise.resolve(session as unknown as ServingSession);
  })) as unknown as FakeSession;
const giveBack = (to: WarmPool, session: FakeSession): Promise<void> => to.giveBack(session as unknown as ServingSession);
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

beforeEach(() => {
  discarded = [];
  cleaned = [];
  cleaning = Promise.resolve();
  sessions = [];
});

describe('WarmPool', () => {
  it('does not keep a container whose memory grows', async () => {
    const warm = pool();
    const session = await take(warm);
    await giveBack(warm, session);
    await settle();
    expect([warm.warm, session.memoryAtFirst]).toEqual([1, 100 * MIB]);
    expect(await take(warm)).toBe(session);
    session.memoryInUse = 500 * MIB;
    await giveBack(warm, session);
    await settle();
    expect([warm.warm, session.stops, discarded]).toEqual([0, 1, ['/0']]);
    await warm.close();
  });

  it('keeps one whose memory cannot be measured', async () => {
    const warm = pool();
    const session = await take(warm);
    session.memoryInUse = undefined;
    await giveBack(warm, session);
    await settle();
    expect(warm.warm).toBe(1);
    await warm.close();
  });

  it('gives a task that comes right after another the container of that one, which is not put in order yet', async () => {
    const warm = pool();
    const session = await take(warm);
    let cleaned!: () => void;
    cleaning = new Promise((resolve) => (cleaned = resolve));
    await giveBack(warm, session);
    const [next, another] = [take(warm), take(warm)];
    const elsewhere = await take(warm, 'other');
    expect(elsewhere).not.toBe(session);
    cleaned();
    const both = await Promise.all([next, another]);
    // One of them gets it, the other one does not wait any longer.
    expect(both).toContain(session);
    expect(new Set(both).size).toBe(2);
    expect(sessions).toHaveLength(3);
    await warm.close();
  });

  it('does not let a task wait for one that will end', async () => {
    const warm = pool();
    const session = await take(warm);
    session.unfit = 'broken';
    session.stopping = new Promise(() => undefined);
    void giveBack(warm, session);
    expect(await take(warm)).not.toBe(session);
  });

  it('settles only when one that is unfit is gone', async () => {
    const warm = pool();
    const session = await take(warm);
    session.unfit = 'broken';
    let stopped!: () => void;
    session.stopping = new Promise((resolve) => (stopped = resolve));
    let settled = false;
    const given = giveBack(warm, session).then(() => (settled = true));
    await settle();
    expect([settled, discarded]).toEqual([false, []]);
    stopped();
    await given;
    expect([discarded, cleaned]).toEqual([['/0'], []]);
    await warm.close();
  });

  it('ends one that cannot be put in order: the next task would see what is left', async () => {
    const warm = pool();
    const session = await take(warm);
    cleaning = Promise.reject(new Error('EACCES'));
    await giveBack(warm, session);
    await settle();
    expect([warm.warm, session.stops, discarded]).toEqual([0, 1, ['/0']]);
    expect(await take(warm)).not.toBe(session);
    await warm.close();
  });

  it('leaves none when it is closed in the middle of a decision, of an ending and of work', async () => {
    const warm = pool();
    const [deciding, ending, working, idle] = [await take(warm), await take(warm), await take(warm), await take(warm, 'idle')];
    await giveBack(warm, idle);
    await settle();
    let clean!: () => void;
    cleaning = new Promise((resolve) => (clean = resolve));
    sessions = [...sessions];
    await giveBack(warm, deciding);
    await settle();
    let stopped!: () => void;
    ending.stopping = new Promise((resolve) => (stopped = resolve));
    ending.unfit = 'broken';
    const given = giveBack(warm, ending);
    await settle();
    let closed = false;
    const closing = warm.close().then(() => (closed = true));
    await settle();
    // The ending that was under way is waited for as well.
    expect(closed).toBe(false);
    stopped();
    clean();
    await Promise.all([closing, given]);
    await settle();
    expect(warm.warm).toBe(0);
    expect([deciding, ending, working, idle].map(({ stops }) => stops)).toEqual([1, 1, 1, 1]);
    expect(discarded.sort()).toEqual(['/0', '/1', '/2', '/3']);
    await giveBack(warm, working);
    await settle();
    expect([working.stops, warm.warm]).toEqual([1, 0]);
  });

  it('survives a container that cannot be stopped', async () => {
    const warm = pool(0);
    const session = await take(warm);
    session.stopping = Promise.reject(new Error('the daemon does not answer'));
    await giveBack(warm, session);
    await warm.close();
    expect(session.stops).toBe(1);
  });
});
