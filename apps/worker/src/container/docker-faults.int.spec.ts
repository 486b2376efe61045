/** What the container engine does to a run: each fault with a daemon of the test's own, or a proxy before it. */
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DockerDaemonFixture, NODE_IN_IMAGE, SmallDisk, TcpProxy, testBaseImage, waitFor } from '@function-runner/testing';
import { createLogger } from '../logging/logger.js';
import { containerLabels } from './container-labels.js';
import type { ContainerExit } from './container-engine.port.js';
import type { ContainerPlan } from './container-plan.js';
import { DAEMON_PATIENCE, type DaemonPatience } from './docker-daemon.adapter.js';
import { DockerEngine } from './docker-engine.adapter.js';
import type { EngineFault } from './engine-fault.js';

const MIB = 1024 ** 2;
const TEST_MS = 180_000;
const INSTALL = 'faults';
const logger = createLogger('silent', 'test');

/** Short, so that a test need not wait long for a daemon that never answers; far longer than one that does. */
const IMPATIENT: DaemonPatience = { ...DAEMON_PATIENCE, answerMs: 3000, workMs: 4000 };

let image: string;
let attempts = 0;
const daemons: DockerDaemonFixture[] = [];
const proxies: TcpProxy[] = [];

beforeAll(async () => {
  image = await testBaseImage();
});
afterAll(async () => {
  await Promise.all(proxies.map((proxy) => proxy.stop()));
  for (const daemon of daemons) await daemon.end();
}, TEST_MS);

async function startDaemon(options: Parameters<typeof DockerDaemonFixture.start>[0] = {}): Promise<DockerDaemonFixture> {
  const daemon = await DockerDaemonFixture.start(options);
  daemons.push(daemon);
  await daemon.load(image);
  return daemon;
}

function engineAt(host: string, patience: DaemonPatience = DAEMON_PATIENCE): DockerEngine {
  return new DockerEngine({ dockerHost: host, pull: 'never', patience }, { id: () => Promise.resolve(INSTALL) }, logger);
}

function plan(script: string, changes: Partial<ContainerPlan> = {}): ContainerPlan {
  attempts += 1;
  const taskId = `task-${attempts}`;
  return {
    name: `function-runner-${taskId}-1`, image, command: [NODE_IN_IMAGE, '-e', script], args: [], environment: { TASK_ID: taskId },
    labels: containerLabels({ installId: INSTALL, workerId: 'w', taskId, attempt: 1, pipelineId: 'p', leaseId: 'l', serving: undefined }),
    mounts: [], user: '65534:65534', memoryBytes: 256 * MIB, cpus: 1, network: 'none', devices: { ids: [], real: false }, stdin: '{"protocol":1}\n', scratch: undefined, keepsLog: true, graceSeconds: 1, ...changes,
  };
}

/** A run under way, and what it has said so far. */
interface Running {
  out: () => string;
  err: () => string;
  /** How it ended: its exit or its fault. */
  end: Promise<{ exit?: ContainerExit; fault?: EngineFault }>;
}

function start(engine: DockerEngine, planned: ContainerPlan, signal = new AbortController().signal): Running {
  let [out, err] = ['', ''];
  const end = engine.run(planned, { started: () => undefined, stdout: (chunk) => (out += chunk.toString()), stderr: (chunk) => (err += chunk.toString()) }, signal)
    .then((exit) => ({ exit }), (fault: EngineFault) => ({ fault }));
  return { out: () => out, err: () => err, end };
}

/** Lines `n0`, `n1` … one each 10 ms, each third on stderr; after the last it exits with 7. */
const count = (lines: number): string => `
  let n = 0;
  process.on('SIGTERM', () => process.exit(0));
  const timer = setInterval(() => {
    (n % 3 === 2 ? process.stderr : process.stdout).write('n' + n + '\\n');
    n += 1;
    if (n === ${lines}) { clearInterval(timer); process.exitCode = 7; }
  }, 10);`;

function counted(lines: number, err: boolean): string {
  return Array.from({ length: lines }, (_, n) => n).filter((n) => (n % 3 === 2) === err).map((n) => `n${n}\n`).join('');
}

async function left(daemon: DockerDaemonFixture): Promise<string[]> {
  return (await daemon.docker.listContainers({ all: true })).map(({ Names, State }) => `${Names.join()} ${State}`);
}

describe('a daemon without live-restore', () => {
  let daemon: DockerDaemonFixture;
  let engine: DockerEngine;

  beforeAll(async () => {
    daemon = await startDaemon();
    engine = engineAt(daemon.host);
  }, TEST_MS);

  it.each(['stop', 'kill'] as const)('that restarts mid-run (%s) makes an EngineFault of the run, not an exit of the pipeline, and its container is gone', async (how) => {
    const running = start(engine, plan(count(1e6)));
    await waitFor('its output', () => running.out().includes('n9\n'));
    await daemon[how]();
    expect(daemon.running).toBe(false);
    await daemon.start();
    // A pipeline that heeds SIGTERM exits with 0 when the daemon goes down: that must not pass for its end.
    expect(await running.end).toEqual({ fault: expect.objectContaining({ name: 'EngineFault', mayStillRun: false }) });
    expect(await left(daemon)).toEqual([]);
  }, TEST_MS);

  it('that restarts under a serving container ends that with an EngineFault, and its container is gone', async () => {
    const serving = await engine.serve(plan(`process.stdin.resume(); console.log('up')`, { keepsLog: false }), { started: () => undefined, stdout: () => undefined, stderr: () => undefined });
    await daemon.kill();
    await daemon.start();
    await expect(serving.ended).rejects.toMatchObject({ name: 'EngineFault' });
    serving.write('to nobody\n');
    await serving.stop(1);
    // Its removal was asked of a daemon that was away: whoever looks for what nobody owns finds it, and it does not run.
    for (const { id } of await engine.find()) await engine.remove(id);
    expect(await left(daemon)).toEqual([]);
  }, TEST_MS);
});

describe('a daemon with live-restore', () => {
  let daemon: DockerDaemonFixture;
  let engine: DockerEngine;

  beforeAll(async () => {
    daemon = await startDaemon({ liveRestore: true });
    engine = engineAt(daemon.host);
  }, TEST_MS);

  it('that restarts mid-run loses nothing: each line is heard once, in order, and the exit is the pipeline’s own', async () => {
    const LINES = 1000;
    const running = start(engine, plan(count(LINES)));
    await waitFor('its output', () => running.out().includes('n99\n'));
    await daemon.stop();
    expect(daemon.running).toBe(false);
    expect(running.out()).not.toContain(`n${LINES - 1}\n`);
    await daemon.start();
    expect(await running.end).toEqual({ exit: expect.objectContaining({ exitCode: 7, oomKilled: false }) });
    expect([running.out(), running.err()]).toEqual([counted(LINES, false), counted(LINES, true)]);
    expect(await left(daemon)).toEqual([]);
  }, TEST_MS);

  it('that restarts before the pipeline has read its task loses neither the task nor the end of stdin', async () => {
    const running = start(engine, plan(`console.log('up'); setTimeout(() => { let text = ''; process.stdin.on('data', (chunk) => (text += chunk)).on('end', () => console.log('read ' + text.length)); }, 6000);`, { stdin: `${'x'.repeat(40_000)}\n` }));
    await waitFor('its start', () => running.out() === 'up\n');
    await daemon.stop();
    expect(running.out()).toBe('up\n');
    await daemon.start();
    expect(await running.end).toEqual({ exit: expect.objectContaining({ exitCode: 0 }) });
    expect(running.out()).toBe('up\nread 40001\n');
  }, TEST_MS);

  it('that is killed mid-run either loses nothing, or says that it cannot know: no line comes twice', async () => {
    const LINES = 1000;
    const running = start(engine, plan(count(LINES)));
    await waitFor('its output', () => running.out().includes('n99\n'));
    await daemon.kill();
    await daemon.start();
    const { exit, fault } = await running.end;
    const whole = counted(LINES, false);
    if (exit === undefined) expect(whole.startsWith(running.out()) && fault?.mayStillRun === false).toBe(true);
    else expect([exit.exitCode, running.out(), running.err()]).toEqual([7, whole, counted(LINES, true)]);
    expect(await left(daemon)).toEqual([]);
  }, TEST_MS);

  it('under which a container ends while it is away makes an EngineFault: what that printed last is lost', async () => {
    const running = start(engine, plan(`console.log('up'); setTimeout(() => console.log('last words'), 1500);`));
    await waitFor('its start', () => running.out() === 'up\n');
    const { State: { Pid } } = await daemon.docker.getContainer((await daemon.docker.listContainers())[0]?.Id ?? '').inspect();
    await daemon.stop();
    await waitFor('the container to end', () => {
      try {
        process.kill(Pid, 0);
        return false;
      } catch {
        return true;
      }
    });
    expect(daemon.running).toBe(false);
    await daemon.start();
    expect(await running.end).toEqual({ fault: expect.objectContaining({ name: 'EngineFault', kind: 'failed', mayStillRun: false }) });
    expect(await left(daemon)).toEqual([]);
  }, TEST_MS);

  it('that restarts under a run that is told to stop ends that in bounded time', async () => {
    const controller = new AbortController();
    const running = start(engine, plan(`console.log('up'); process.on('SIGTERM', () => undefined); setInterval(() => {}, 1e6)`), controller.signal);
    await waitFor('its start', () => running.out() === 'up\n');
    await daemon.stop();
    controller.abort();
    await daemon.start();
    expect(await running.end).toEqual({ exit: expect.objectContaining({ exitCode: 137 }) });
    expect(await left(daemon)).toEqual([]);
  }, TEST_MS);

  it('that restarts under a serving container ends that: a conversation that was cut is not gone on with', async () => {
    const serving = await engine.serve(plan(`process.stdin.resume(); console.log('up')`, { keepsLog: false }), { started: () => undefined, stdout: () => undefined, stderr: () => undefined });
    await daemon.stop();
    await expect(serving.ended).rejects.toMatchObject({ name: 'EngineFault', mayStillRun: true });
    await daemon.start();
    const [found] = await engine.find();
    await engine.remove(found?.id ?? '');
    expect(await left(daemon)).toEqual([]);
  }, TEST_MS);
});

describe('an unresponsive daemon', () => {
  let daemon: DockerDaemonFixture;
  let engine: DockerEngine;

  beforeAll(async () => {
    daemon = await startDaemon();
    engine = engineAt(daemon.host, IMPATIENT);
  }, TEST_MS);

  async function frozen<T>(work: () => Promise<T>): Promise<T> {
    daemon.freeze();
    try {
      return await work();
    } finally {
      daemon.resume();
    }
  }

  it('makes an EngineFault of every question in bounded time', async () => {
    const questions: Record<string, () => Promise<unknown>> = {
      version: () => engine.version(), machine: () => engine.machine(), image: () => engine.hasImage(image), list: () => engine.find(), remove: () => engine.remove('none'), probe: () => engine.probe(),
      run: () => engine.run(plan(''), { started: () => undefined, stdout: () => undefined, stderr: () => undefined }, new AbortController().signal),
    };
    const answers = await frozen(() => Promise.all(Object.entries(questions).map(async ([name, ask]) => [name, await ask().then(() => 'answered', ({ kind, mayStillRun }: EngineFault) => ({ kind, mayStillRun }))])));
    expect(Object.fromEntries(answers)).toEqual(Object.fromEntries(Object.keys(questions).map((name) => [name, { kind: 'unresponsive', mayStillRun: false }])));
  }, TEST_MS);

  it('that thaws has done no harm: the run goes on, and no line is lost', async () => {
    const running = start(engine, plan(count(400)));
    await waitFor('its output', () => running.out().includes('n9\n'));
    await frozen(async () => {
      const asked = engine.version().catch((error: EngineFault) => error.kind);
      expect(await asked).toBe('unresponsive');
    });
    expect(await running.end).toEqual({ exit: expect.objectContaining({ exitCode: 7 }) });
    expect([running.out(), running.err()]).toEqual([counted(400, false), counted(400, true)]);
  }, TEST_MS);

  it('cannot hold a run that is told to stop: it ends in bounded time, and says that its container may run', async () => {
    const controller = new AbortController();
    const running = start(engine, plan(count(1e6)), controller.signal);
    await waitFor('its output', () => running.out().includes('n9\n'));
    await frozen(async () => {
      controller.abort();
      expect(await running.end).toEqual({ fault: expect.objectContaining({ name: 'EngineFault', kind: 'unresponsive', mayStillRun: true }) });
    });
    // What it was asked meanwhile it does now; whoever runs the task next looks for what is left, by its labels.
    for (const { id } of await engine.find()) await engine.remove(id);
    await waitFor('the container to be gone', async () => (await left(daemon)).length === 0);
  }, TEST_MS);

  it('cannot hold a serving container that is told to stop', async () => {
    const serving = await engine.serve(plan(`process.stdin.resume(); console.log('up')`, { keepsLog: false }), { started: () => undefined, stdout: () => undefined, stderr: () => undefined });
    const failed = serving.ended.catch((fault: EngineFault) => fault);
    await frozen(() => serving.stop(0));
    expect(await failed).toMatchObject({ name: 'EngineFault', kind: 'unresponsive', mayStillRun: true });
    for (const { id } of await engine.find()) await engine.remove(id);
    await waitFor('the container to be gone', async () => (await left(daemon)).length === 0);
  }, TEST_MS);
});

describe('a connection to the daemon', () => {
  let daemon: DockerDaemonFixture;
  let folder: string;
  let proxy: TcpProxy;
  let engine: DockerEngine;

  beforeAll(async () => {
    daemon = await startDaemon();
    folder = await mkdtemp(join(tmpdir(), 'function-runner-test-'));
    proxy = await TcpProxy.start({ path: daemon.socketPath }, { path: join(folder, 'sock') });
    proxies.push(proxy);
    engine = engineAt(`unix://${join(folder, 'sock')}`, IMPATIENT);
  }, TEST_MS);
  afterEach(async () => {
    expect(await left(daemon)).toEqual([]);
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it('that loses the answer to a create (create reply lost) costs nothing: what was made is found by its name and removed, and the run goes on', async () => {
    const before = proxy.droppedReplies;
    proxy.dropReply((request) => request.startsWith('POST /containers/create'));
    const planned = plan(`console.log('done')`);
    const running = start(engine, planned);
    expect(await running.end).toEqual({ exit: expect.objectContaining({ exitCode: 0 }) });
    expect([running.out(), proxy.droppedReplies - before]).toEqual(['done\n', 1]);
    const events = await created(daemon, planned.name);
    expect(events).toEqual(['create', 'destroy', 'create', 'destroy']);
  }, TEST_MS);

  it('that loses the answer to a start makes an EngineFault, and the container is gone', async () => {
    const before = proxy.droppedReplies;
    proxy.dropReply((request) => /^POST \/containers\/\w+\/start/.test(request));
    expect(await start(engine, plan(count(1e6))).end).toEqual({ fault: expect.objectContaining({ name: 'EngineFault', mayStillRun: false }) });
    expect(proxy.droppedReplies - before).toBe(1);
  }, TEST_MS);

  it('that is cut mid-run (attach stream cut) loses nothing: the run is heard out from its log', async () => {
    const LINES = 500;
    const before = proxy.cuts;
    const running = start(engine, plan(count(LINES)));
    await waitFor('its output', () => running.out().includes('n99\n'));
    proxy.cut();
    expect(proxy.cuts).toBeGreaterThan(before);
    expect(await running.end).toEqual({ exit: expect.objectContaining({ exitCode: 7 }) });
    expect([running.out(), running.err()]).toEqual([counted(LINES, false), counted(LINES, true)]);
  }, TEST_MS);

  it('that is cut again and again loses nothing either', async () => {
    const LINES = 900;
    const running = start(engine, plan(count(LINES)));
    for (let cut = 1; cut <= 3; cut += 1) {
      const heard = running.out().length;
      await waitFor('more of its output', () => running.out().length > heard + 100);
      const fired = proxy.cuts;
      proxy.cut();
      expect(proxy.cuts).toBeGreaterThan(fired);
    }
    expect(await running.end).toEqual({ exit: expect.objectContaining({ exitCode: 7 }) });
    expect([running.out(), running.err()]).toEqual([counted(LINES, false), counted(LINES, true)]);
  }, TEST_MS);

  it('of which the stream alone is lost, and ends as if in good order, loses nothing: what comes with the exit is compared with the log', async () => {
    const LINES = 300;
    const running = start(engine, plan(count(LINES)));
    await waitFor('its output', () => running.out().includes('n99\n'));
    const before = proxy.swallowed;
    // Only connections on which something was lost are closed when the hole is.
    proxy.blackhole(true);
    await waitFor('output to be lost', () => proxy.swallowed > before + 100);
    proxy.blackhole(false);
    expect(await running.end).toEqual({ exit: expect.objectContaining({ exitCode: 7 }) });
    expect([running.out(), running.err()]).toEqual([counted(LINES, false), counted(LINES, true)]);
  }, TEST_MS);

  it('that is cut before the start makes an EngineFault: the container would find its stdin at an end, and fail for want of a task', async () => {
    const before = proxy.cuts;
    let ran = false;
    const end = engine.run(plan(`process.exit(3)`), {
      created: async () => {
        proxy.cut();
        expect(proxy.cuts).toBeGreaterThan(before);
        // An answer over a connection that is made afterwards comes after the cut has been felt.
        await engine.version();
      },
      started: () => (ran = true), stdout: () => undefined, stderr: () => undefined,
    }, new AbortController().signal);
    await expect(end).rejects.toMatchObject({ name: 'EngineFault', mayStillRun: false });
    expect(ran).toBe(false);
  }, TEST_MS);

  it('that stalls (unresponsive) makes an EngineFault of a question', async () => {
    const before = proxy.swallowed;
    proxy.blackhole(true);
    await expect(engine.version()).rejects.toMatchObject({ name: 'EngineFault', kind: 'unresponsive' });
    expect(proxy.swallowed).toBeGreaterThan(before);
    proxy.blackhole(false);
    expect(await engine.version()).toMatch(/^\d+\./);
  }, TEST_MS);

  it('that stalls as an image is to be pulled makes an EngineFault, though the pull has not been answered at all', async () => {
    const pulling = new DockerEngine({ dockerHost: `unix://${join(folder, 'sock')}`, pull: 'missing', patience: { ...IMPATIENT, pullSilenceMs: 1000 } }, { id: () => Promise.resolve(INSTALL) }, logger);
    const before = proxy.swallowed;
    const pull = pulling.ensureImage('localhost:9/nobody/none:1', new AbortController().signal, () => proxy.blackhole(true));
    await expect(pull).rejects.toMatchObject({ name: 'EngineFault', kind: 'unresponsive' });
    expect(proxy.swallowed).toBeGreaterThan(before);
    proxy.blackhole(false);
  }, TEST_MS);
});

/** What became of containers of this name, in order. */
async function created(daemon: DockerDaemonFixture, name: string): Promise<string[]> {
  const stream = await daemon.docker.getEvents({ since: 1, until: Math.ceil(Date.now() / 1000), filters: { type: ['container'], container: [name] } });
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text.split('\n').filter((line) => line !== '').map((line) => (JSON.parse(line) as { Action: string }).Action).filter((action) => ['create', 'destroy'].includes(action));
}

it('a full disk in Docker’s own root makes an EngineFault, not a failure of the pipeline, until there is room again', async () => {
  const disk = await SmallDisk.mount({ size: '400m' });
  if (disk === undefined) throw new Error('this test mounts a small disk, for which it must be root');
  const daemon = await DockerDaemonFixture.start({ dataRoot: join(disk.path, 'docker') });
  try {
    await daemon.load(image);
    const engine = engineAt(daemon.host);
    const kinds: string[] = [];
    engine.onFault(({ kind }) => kinds.push(kind));
    expect(await start(engine, plan('')).end).toEqual({ exit: expect.objectContaining({ exitCode: 0 }) });
    await fill(disk.path);
    expect(await start(engine, plan('')).end).toEqual({ fault: expect.objectContaining({ name: 'EngineFault', kind: 'no-space', mayStillRun: false }) });
    expect(kinds).toContain('no-space');
    await expect(engine.probe()).rejects.toMatchObject({ kind: 'no-space' });
    await rm(join(disk.path, 'filling'));
    await expect(engine.probe()).resolves.toBeUndefined();
    expect(await start(engine, plan('')).end).toEqual({ exit: expect.objectContaining({ exitCode: 0 }) });
    expect(await left(daemon)).toEqual([]);
  } finally {
    await daemon.end();
    await disk.remove();
  }
}, TEST_MS);

/** Leaves not a byte free. */
async function fill(folder: string): Promise<void> {
  const file = await open(join(folder, 'filling'), 'w');
  try {
    for (let size = 1024 * 1024; size >= 4096; size /= 2) {
      for (;;) {
        const wrote = await file.write(Buffer.alloc(size)).catch((error: NodeJS.ErrnoException) => {
          if (error.code !== 'ENOSPC') throw error;
          return undefined;
        });
        if (wrote === undefined || wrote.bytesWritten < size) break;
      }
    }
  } finally {
    await file.close();
  }
}
