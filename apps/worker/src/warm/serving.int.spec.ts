import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { installPipeline } from '@function-runner/model-store';
import { SCRIPT_MODEL, SERVER_PIPELINE, serverPipeline, testJob, waitFor } from '@function-runner/testing';
import type { TaskIdentity } from '@function-runner/task-store';
import { ServingSite, type JobChanges, type Started } from './serving-site.fixture.js';

let site: ServingSite;
let workspaceRoot: string;

/** What a pipeline does before it is ready, by its id. */
const OPENINGS = {
  'exits:1.0': `process.stderr.write('no weights here\\n', () => process.exit(4)); await wait(1e6);`,
  'ends:1.0': `process.exit(0);`,
  'corrupt:1.0': `await say({ type: 'error', code: 'MODEL_CORRUPT', message: 'the weights are cut' }); process.exit(1);`,
  'greedy:1.0': `const held = []; for (;;) held.push(Buffer.alloc(4e6, 1));`,
  'slow:1.0': `process.stderr.write('loading\\n'); await wait(1e6);`,
  'second:1.0': '', 'third:1.0': '', 'small:1.0': '',
};

beforeAll(async () => {
  site = await ServingSite.open();
  workspaceRoot = site.workspace;
  for (const [id, opening] of Object.entries(OPENINGS)) await site.install({ id, opening, ...(['small:1.0', 'greedy:1.0'].includes(id) ? { memory: '64Mi' } : {}) });
});
beforeEach(() => site.openWorker());
afterEach(async () => {
  // Whatever a test does: a pool that is closed leaves no container, no lease and no folder.
  expect(await site.closeWorker()).toEqual({ containers: [], leased: {}, leases: [], warm: 0, folders: [] });
});
afterAll(() => site.close());

const start = (script: string, changes?: JobChanges): Promise<Started> => site.start(script, changes);
const run = (script: string, changes?: JobChanges): ReturnType<ServingSite['run']> => site.run(script, changes);
const containers = (): Promise<string[]> => site.containers();
const theContainer = (): Promise<string> => site.theContainer();
const warm = (count: number): Promise<unknown> => site.warm(count);
const gone = (id: string): Promise<unknown> => site.gone(id);
const takes = (node: string, project?: string): Promise<string[]> => site.takes(node, project);
const hits = async (): Promise<number> => (await site.taken()).hits;
const misses = async (): Promise<number> => (await site.taken()).misses;
const openWorker = (changes?: Record<string, string>): Promise<void> => site.openWorker(changes);

const WRITE = `fs.writeFileSync(task.outputDir + '/a', 'made');`;
const UNTIL_CANCELLED = `await say({ type: 'progress', progress: 10, step: 'up' }); await wait(1e6, signal);`;
const UNTIL_GO = `await say({ type: 'progress', progress: 10, step: 'up' }); while (!fs.existsSync('/workspace/Film/' + task.nodeId + '.go')) await wait(20); ${WRITE}`;
const go = (node: string): Promise<void> => writeFile(join(workspaceRoot, 'Film', `${node}.go`), '');

describe('a serving container', () => {
  it('serves one task after the other, each with its own take', async () => {
    const before = await site.createdSoFar();
    const tell = `fs.mkdirSync(task.outputDir + '/deep');
      fs.writeFileSync(task.outputDir + '/deep/take.txt', [fs.readFileSync(task.parameters.input, 'utf8'), fs.readFileSync(task.modelsPath + '/${SCRIPT_MODEL}/weights.bin', 'utf8'), state.tasks.length, process.env.TASK_ID].join());
      await say({ type: 'output', path: 'deep/take.txt', mediaType: 'text/x-take' }); await say({ type: 'metric', name: 'nth', value: state.tasks.length }); await say({ type: 'progress', progress: 90, step: 'written' });`;
    const ids = new Set<string>();
    for (const [index, node] of ['first', 'second', 'third'].entries()) {
      const { task, last } = await start(tell, { parameters: { input: 'plates/a.txt' }, nodeId: node });
      expect(await last()).toMatchObject({
        status: 'completed', attempt: 1,
        result: { outputPath: `/workspace/Film/outputs/renders/${node}/${task.taskId}`, outputs: [{ path: 'deep/take.txt', mediaType: 'text/x-take' }], metadata: { modelId: SCRIPT_MODEL, modelVersion: '1.0.0', metrics: { nth: index + 1 } } },
      });
      expect(await readFile(join(workspaceRoot, 'Film/outputs/renders', node, task.taskId, 'deep/take.txt'), 'utf8')).toBe(`plate,weights,${index + 1},`);
      ids.add(await theContainer());
    }
    expect(ids.size).toBe(1);
    expect((await site.createdSoFar()) - before).toBe(1);
    expect([await hits(), await misses()]).toEqual([2, 1]);
  });

  it('tells a cold task of its start, and a warm one goes right on', async () => {
    const steps = async (task: TaskIdentity): Promise<unknown[]> => (await site.worker.store.events(task.taskId, 0)).map(({ status, step }) => [status, step]);
    const cold = await start(WRITE);
    await cold.last();
    const second = await start(WRITE);
    await second.last();
    expect(await steps(cold.task)).toEqual([['queued', 'queued'], ['preparing', 'preparing'], ['preparing', 'starting the pipeline'], ['running', 'running'], ['running', 'publishing the take'], ['completed', 'completed']]);
    expect(await steps(second.task)).toEqual([['queued', 'queued'], ['preparing', 'preparing'], ['running', 'running'], ['running', 'publishing the take'], ['completed', 'completed']]);
  });

  it('shows a task nothing of the one before', async () => {
    await run(`for (const place of ['/tmp', '/tmp/deep', task.outputDir]) { fs.mkdirSync(place, { recursive: true }); fs.writeFileSync(place + '/secret', 'of the first'); }
      fs.writeFileSync('/output/beside', 'of the first'); fs.symlinkSync('/etc/passwd', '/output/link'); fs.mkdirSync('/tmp/shut', { mode: 0 });`, { nodeId: 'leaver' });
    const id = await theContainer();
    const last = await run(`fs.writeFileSync(task.outputDir + '/seen', JSON.stringify({ tmp: fs.readdirSync('/tmp'), output: fs.readdirSync('/output'), own: fs.readdirSync(task.outputDir), renders: fs.readdirSync('/workspace/Film/outputs') }));`, { nodeId: 'looker' });
    expect(await theContainer()).toBe(id);
    const taskId = last.task_id;
    expect(JSON.parse(await readFile(join(workspaceRoot, 'Film/outputs/renders/looker', taskId, 'seen'), 'utf8'))).toMatchObject({ tmp: [], output: [`${taskId}.1`], own: [] });
    expect(await readdir(join(workspaceRoot, 'Film/outputs/renders/leaver', (await takes('leaver'))[0] ?? ''))).toEqual(['secret']);
  });

  it('can reach a published take no more by its path', async () => {
    await run(`${WRITE} state.old = task.outputDir;`, { nodeId: 'published' });
    const last = await run(`let seen; try { fs.writeFileSync(state.old + '/b', 'late'); seen = 'written'; } catch (error) { seen = error.code; } fs.writeFileSync(task.outputDir + '/seen', seen);`, { nodeId: 'later' });
    expect(await readFile(join(workspaceRoot, 'Film/outputs/renders/later', last.task_id, 'seen'), 'utf8')).toBe('ENOENT');
    expect(await readdir(join(workspaceRoot, 'Film/outputs/renders/published', (await takes('published'))[0] ?? ''))).toEqual(['a']);
  });

  it.each<[string, string, string]>([
    ['removes its output folder', `fs.rmdirSync(task.outputDir);`, 'OUTPUT_MISSING'],
    ['puts a link to another place there', `fs.rmdirSync(task.outputDir); fs.symlinkSync('/etc', task.outputDir);`, 'PROTOCOL_VIOLATION'],
    ['puts a file there', `fs.rmdirSync(task.outputDir); fs.writeFileSync(task.outputDir, '');`, 'PROTOCOL_VIOLATION'],
    ['leaves a link in it', `fs.symlinkSync('/etc/passwd', task.outputDir + '/a');`, 'PROTOCOL_VIOLATION'],
    ['leaves nothing', '', 'OUTPUT_MISSING'],
  ])('publishes nothing of a task that %s', async (_, script, code) => {
    const { stat } = await import('node:fs/promises');
    const before = [await stat('/etc'), await stat('/etc/passwd')].map(({ uid, mode }) => [uid, mode]);
    expect(await run(script, { nodeId: 'bad' })).toMatchObject({ status: 'failed', code });
    expect(await takes('bad')).toEqual([]);
    expect([await stat('/etc'), await stat('/etc/passwd')].map(({ uid, mode }) => [uid, mode])).toEqual(before);
    expect(await run(WRITE)).toMatchObject({ status: 'completed' });
  });

  it('stays usable after a task that ended with an error', async () => {
    expect(await run(`await say({ type: 'log', level: 'info', message: 'of the first' }); throw Object.assign(new Error('no such frame'), { code: 'VALIDATION_FAILED' });`, { nodeId: 'bad' }))
      .toMatchObject({ status: 'failed', code: 'VALIDATION_FAILED', error: 'no such frame', log_tail: ['info: of the first', 'error VALIDATION_FAILED: no such frame'] });
    const id = await theContainer();
    expect(await run(`throw new Error('another')`, { nodeId: 'bad' })).toMatchObject({ status: 'failed', code: 'CONTAINER_EXITED', error: expect.stringContaining('FAILED: another'), log_tail: ['error FAILED: another'] });
    expect(await run(WRITE)).toMatchObject({ status: 'completed' });
    expect(await theContainer()).toBe(id);
    expect(await takes('bad')).toEqual([]);
  });

  it('takes what is printed between two tasks for nobody’s', async () => {
    await run(`${WRITE} setTimeout(async () => { for (const type of ['done', 'error', 'ready', 'output', 'progress']) await say({ type, path: 'forged', progress: 99, code: 'NO_SPACE', message: 'late' }); await say('not JSON {'); fs.writeFileSync('/tmp/said', ''); }, 100);`);
    const id = await theContainer();
    const said = async (): Promise<boolean> => (await readdir(join(workspaceRoot, 'Film/outputs/.staging'), { recursive: true })).some((path) => path.endsWith('/said'));
    await waitFor('the noise', said);
    const last = await run(`${WRITE} await say({ type: 'progress', progress: 5, step: 'own' });`);
    expect(last).toMatchObject({ status: 'completed', result: { outputs: [{ path: 'a' }] } });
    expect(await theContainer()).toBe(id);
  });

  it('is never shared by two projects', async () => {
    await run(WRITE);
    const film = await theContainer();
    expect(await run(`fs.writeFileSync(task.outputDir + '/a', fs.readdirSync('/workspace').join());`, { project: 'Other', nodeId: 'elsewhere' })).toMatchObject({ status: 'completed' });
    const both = await containers();
    expect(both).toHaveLength(2);
    expect(both).toContain(film);
    expect(await readFile(join(workspaceRoot, 'Other/outputs/renders/elsewhere', (await takes('elsewhere', 'Other'))[0] ?? '', 'a'), 'utf8')).toBe('Other');
    expect(await hits()).toBe(0);
  });

  it('is another one where the pipeline’s file has changed', async () => {
    await site.install({ id: 'changing:1.0' });
    await openWorker();
    await run(WRITE, { pipelineId: 'changing:1.0' });
    const old = await theContainer();
    await site.install({ id: 'changing:1.0', opening: 'await wait(1);' });
    // The worker reads its store anew after a few seconds.
    await waitFor('the change to be read', async () => {
      expect(await run(WRITE, { pipelineId: 'changing:1.0' })).toMatchObject({ status: 'completed' });
      return (await theContainer()) !== old;
    }, 20_000);
    // On the lease of the old one, which is gone: what was leased for one holds one.
    expect(await site.docker.exists(old)).toBe(false);
    expect((await site.book()).leases).toHaveLength(1);
  });
});

describe('a serving container that dies', () => {
  it('in the middle of a task: the task fails with its last words, and the next one gets a new container', async () => {
    const { last, reached } = await start(`process.stderr.write('about to die\\n'); await say({ type: 'progress', progress: 10, step: 'up' }); await wait(50); process.exit(9);`, { nodeId: 'bad' });
    await reached('up');
    const dead = await theContainer();
    expect(await last()).toMatchObject({ status: 'failed', code: 'CONTAINER_EXITED', error: expect.stringContaining('exit code 9'), log_tail: ['about to die'] });
    // Its end was told after it was gone.
    expect(await containers()).toEqual([]);
    expect(await run(WRITE)).toMatchObject({ status: 'completed' });
    expect(await theContainer()).not.toBe(dead);
    expect(await takes('bad')).toEqual([]);
  });

  it('by its memory: the task is tried once more with more of it, and so is its container', async () => {
    const eating = `await say({ type: 'log', level: 'info', message: 'eating' }); const held = []; for (;;) held.push(Buffer.alloc(4e6, 1));`;
    const { task, ended } = await start(eating, { pipelineId: 'small:1.0' });
    const end = await ended;
    expect(await containers()).toEqual([]);
    expect(end).toMatchObject({ kind: 'put-back', payload: { memory_limit_bytes: expect.any(Number) } });
    const more = end.kind === 'put-back' ? (end.payload?.memory_limit_bytes ?? 0) : 0;
    expect(more).toBeGreaterThan(64 * 1024 ** 2);
    expect(await site.resume(task, end).last()).toMatchObject({ status: 'failed', code: 'OUT_OF_MEMORY', error: expect.stringContaining(`${more / 1024 ** 2} MiB`), log_tail: ['info: eating'] });
    expect(await containers()).toEqual([]);
    expect(await run(WRITE, { pipelineId: 'small:1.0' })).toMatchObject({ status: 'completed' });
  });

  it('by a kill from outside', async () => {
    const { last, reached } = await start(UNTIL_CANCELLED);
    await reached('up');
    await site.docker.kill(await theContainer());
    expect(await last()).toMatchObject({ status: 'failed', code: 'CONTAINER_EXITED', error: expect.stringContaining('137') });
    expect(await run(WRITE)).toMatchObject({ status: 'completed' });
  });

  it('with exit code 0 and no word of its task’s end', async () => {
    expect(await run(`${WRITE} process.exit(0);`, { nodeId: 'bad' })).toMatchObject({ status: 'failed', code: 'PROTOCOL_VIOLATION', error: expect.stringContaining('ended before its task') });
    expect(await takes('bad')).toEqual([]);
  });

  it('right after its task: the task is done, and the next one gets a new container', async () => {
    expect(await run(`${WRITE} await say({ type: 'done' }); process.exit(3);`)).toMatchObject({ status: 'completed' });
    await waitFor('it to be put away', async () => (await containers()).length === 0);
    expect(site.worker.pool.warm).toBe(0);
    expect(await run(WRITE)).toMatchObject({ status: 'completed' });
  });

  it('while it waits: it is put away, and the next task gets a new container', async () => {
    await run(WRITE);
    await warm(1);
    const dead = await theContainer();
    await site.docker.kill(dead);
    await warm(0);
    await gone(dead);
    await waitFor('its folder to be gone', async () => !(await readdir(join(workspaceRoot, 'Film/outputs'))).includes('.staging'));
    expect(await run(WRITE)).toMatchObject({ status: 'completed' });
    expect(await misses()).toBe(2);
  });

  it.each<[string, string, Record<string, unknown>]>([
    ['an exit', 'exits:1.0', { code: 'CONTAINER_EXITED', error: expect.stringMatching(/exit code 4.*no weights here/), log_tail: ['no weights here'] }],
    ['an exit that looks like success', 'ends:1.0', { code: 'PROTOCOL_VIOLATION', error: expect.stringContaining('before it was ready') }],
    ['an error of its model', 'corrupt:1.0', { code: 'MODEL_CORRUPT', error: 'the weights are cut' }],
  ])('before it is ready, by %s', async (_, pipelineId, expected) => {
    expect(await run(WRITE, { pipelineId, nodeId: 'bad' })).toMatchObject({ status: 'failed', log_tail: expect.any(Array), ...expected });
    expect(await containers()).toEqual([]);
    expect(await readdir(join(workspaceRoot, 'Film/outputs')).catch(() => [])).not.toContain('.staging');
  });

  it('before it is ready, by its memory', async () => {
    const { task, ended } = await start(WRITE, { pipelineId: 'greedy:1.0', nodeId: 'bad' });
    const end = await ended;
    expect([end.kind, await containers(), (await site.book()).leased]).toEqual(['put-back', [], {}]);
    expect(await site.resume(task, end).last()).toMatchObject({ status: 'failed', code: 'OUT_OF_MEMORY' });
    expect(await containers()).toEqual([]);
  });

  it('because its command cannot be started', async () => {
    const { execution, ...rest } = serverPipeline(site.image, { id: 'mistyped:1.0' }) as { execution: object };
    await installPipeline(site.models, 'image', { ...rest, execution: { ...execution, command: ['/no/such/program'] } });
    await openWorker();
    expect(await run(WRITE, { pipelineId: 'mistyped:1.0' })).toMatchObject({ status: 'failed', code: 'CONTAINER_START_FAILED', error: expect.stringContaining('/no/such/program') });
  });
});

describe('a stop', () => {
  const HEEDLESS = `await say({ type: 'progress', progress: 10, step: 'up' }); await wait(1e6);`;

  it('by a cancel that is honoured: cancelled, and the container serves on', async () => {
    const { task, last, reached } = await start(UNTIL_CANCELLED, { nodeId: 'cancelled' });
    await reached('up');
    const id = await theContainer();
    await site.worker.store.cancel(task, 'the artist changed their mind');
    expect(await last()).toMatchObject({ status: 'cancelled', reason: 'the artist changed their mind' });
    expect(await run(WRITE)).toMatchObject({ status: 'completed' });
    expect(await theContainer()).toBe(id);
    expect(await takes('cancelled')).toEqual([]);
  });

  it('by a cancel that comes too late for the pipeline: cancelled, without a take', async () => {
    const { task, last, reached } = await start(`await say({ type: 'progress', progress: 10, step: 'up' }); await wait(1e6, signal).catch(() => undefined); ${WRITE}`, { nodeId: 'cancelled' });
    await reached('up');
    await site.worker.store.cancel(task, 'late');
    expect(await last()).toMatchObject({ status: 'cancelled' });
    expect(await takes('cancelled')).toEqual([]);
    await warm(1);
  });

  it('by a cancel that is not heeded: killed after the grace, and gone when the end is told', async () => {
    const { task, last, reached } = await start(HEEDLESS, { nodeId: 'cancelled' });
    await reached('up');
    const id = await theContainer();
    const from = performance.now();
    await site.worker.store.cancel(task, 'now');
    expect(await last()).toMatchObject({ status: 'cancelled', reason: 'now' });
    expect(performance.now() - from).toBeGreaterThan(900);
    expect(await containers()).toEqual([]);
    expect(await run(WRITE)).toMatchObject({ status: 'completed' });
    expect(await theContainer()).not.toBe(id);
  });

  it('by a cancel while its container is being started ends it without waiting for readiness', async () => {
    const { task, last, reached } = await start(WRITE, { pipelineId: 'slow:1.0', nodeId: 'cancelled' });
    await reached('starting the pipeline');
    await site.worker.store.cancel(task, 'at once');
    expect(await last()).toMatchObject({ status: 'cancelled', reason: 'at once' });
    expect(await containers()).toEqual([]);
  });

  it.each<[string, string]>([['heeds the cancel', UNTIL_CANCELLED], ['does not', HEEDLESS]])('by a time-out of a task that %s: the container is not used again', async (_, script) => {
    const { last, reached } = await start(script, { timeoutSeconds: 2, nodeId: 'late' });
    await reached('up');
    const id = await theContainer();
    expect(await last()).toMatchObject({ status: 'failed', code: 'TIMEOUT', error: expect.stringContaining('2 s') });
    expect(await containers()).toEqual([]);
    expect(await run(WRITE)).toMatchObject({ status: 'completed' });
    expect(await theContainer()).not.toBe(id);
  });

  it('by a time-out before it is ready says what it was at', async () => {
    expect(await run(WRITE, { pipelineId: 'slow:1.0', timeoutSeconds: 2 })).toMatchObject({ status: 'failed', code: 'TIMEOUT', log_tail: ['loading'] });
    expect(await containers()).toEqual([]);
  });

  it('by a drain puts the task back and leaves no container', async () => {
    const { task, ended, reached } = await start(UNTIL_CANCELLED, { nodeId: 'drained' });
    await reached('up');
    site.worker.live.stopAll({ kind: 'drain' });
    expect(await ended).toEqual({ kind: 'put-back' });
    expect(await containers()).toEqual([]);
    expect(await site.worker.store.read(task.taskId)).toMatchObject({ state: 'queued' });
  });

  it('by a newer attempt says nothing more and publishes nothing', async () => {
    const { task, ended, reached } = await start(UNTIL_GO, { nodeId: 'superseded' });
    await reached('up');
    await site.worker.store.begin(task, 'another-worker', 3);
    await go('superseded');
    expect(await ended).toEqual({ kind: 'done' });
    expect(await takes('superseded')).toEqual([]);
    expect(await site.worker.store.read(task.taskId)).toMatchObject({ attempt: 2, worker: 'another-worker' });
  });
});

describe('the pool', () => {
  it('ends a container that waits for too long, and removes its folder', async () => {
    await openWorker({ WARM_IDLE_TIMEOUT: '300ms' });
    await run(WRITE);
    const id = await theContainer();
    await warm(1);
    await gone(id);
    await waitFor('its folder to be gone', async () => !(await readdir(join(workspaceRoot, 'Film/outputs'))).includes('.staging'));
    expect(site.worker.pool.warm).toBe(0);
  });

  it('does not end one that is at work, however long that takes', async () => {
    await openWorker({ WARM_IDLE_TIMEOUT: '100ms' });
    const { last, reached } = await start(`await say({ type: 'progress', progress: 10, step: 'up' }); await wait(700); ${WRITE}`);
    await reached('up');
    expect(await last()).toMatchObject({ status: 'completed' });
  });

  it('that may keep none ends each with its task, before the end is told', async () => {
    await openWorker({ WARM_CONTAINERS: '0' });
    for (let nth = 0; nth < 2; nth += 1) {
      expect(await run(WRITE)).toMatchObject({ status: 'completed' });
      expect(await containers()).toEqual([]);
      expect(await readdir(join(workspaceRoot, 'Film/outputs'))).not.toContain('.staging');
    }
    expect([await hits(), await misses()]).toEqual([0, 2]);
  });

  it('ends the one that has been idle longest where another needs its place', async () => {
    const ids: string[] = [];
    for (const pipelineId of [SERVER_PIPELINE, 'second:1.0']) {
      await run(WRITE, { pipelineId });
      ids.push((await containers()).find((id) => !ids.includes(id)) ?? '');
    }
    // Used again: the second one is the longest idle now.
    await run(WRITE);
    await warm(2);
    await run(WRITE, { pipelineId: 'third:1.0' });
    await gone(ids[1] ?? '');
    await warm(2);
    const left = await containers();
    expect(left).toHaveLength(2);
    expect(left).toContain(ids[0]);
    expect(await site.counted('function_runner_warm_evictions_total')).toBe(1);
    await run(WRITE);
    expect(await hits()).toBe(2);
  });

  it('gives two tasks at once a container each and keeps both, and a third one takes either', async () => {
    const both = [await start(UNTIL_GO, { nodeId: 'one' }), await start(UNTIL_GO, { nodeId: 'two' })];
    for (const { reached } of both) await reached('up');
    const ids = await containers();
    expect(ids).toHaveLength(2);
    await Promise.all([go('one'), go('two')]);
    for (const { last } of both) expect(await last()).toMatchObject({ status: 'completed' });
    await warm(2);
    await run(WRITE);
    expect((await containers()).sort()).toEqual(ids.sort());
  });

  it('keeps no more than it may of those that were at work at once', async () => {
    await openWorker({ WARM_CONTAINERS: '1' });
    const all = await Promise.all(['three', 'four', 'five'].map((node) => start(UNTIL_GO, { nodeId: node })));
    for (const { reached } of all) await reached('up');
    expect(await containers()).toHaveLength(3);
    await Promise.all(['three', 'four', 'five'].map(go));
    for (const { last } of all) expect(await last()).toMatchObject({ status: 'completed' });
    await waitFor('the others to be gone', async () => (await containers()).length === 1);
    await warm(1);
  });

  it('that is closed ends those at work too, and whatever is being put away', async () => {
    await run(WRITE, { pipelineId: 'second:1.0' });
    const { ended, reached, task } = await start(UNTIL_CANCELLED);
    await reached('up');
    expect(await containers()).toHaveLength(2);
    await site.worker.pool.close();
    expect(await containers()).toEqual([]);
    await ended;
    expect(await site.worker.store.read(task.taskId)).toMatchObject({ state: 'failed' });
  });
});

describe('an attempt after its worker has died', () => {
  it('removes the dead worker’s serving containers with their folders first, and leaves those of the living', async () => {
    const other = await site.newWorker();
    await site.worker.registry.announce({ workerId: site.worker.config.workerId, host: 'h', hostId: 'h', devices: [], cpuMillis: 1000, memoryBytes: 1, pid: 1, engine: 'docker', state: 'working', running: 1, warm: 0, concurrency: 1, startedAt: '' });
    const first = await start(UNTIL_CANCELLED, { nodeId: 'left' });
    await first.reached('up');
    const old = await theContainer();
    const payload = testJob(WRITE, { pipelineId: SERVER_PIPELINE, nodeId: 'left' });
    const second = other.run(first.task.taskId, payload);
    // It lives still, as far as the cluster knows.
    expect(await second).toEqual({ kind: 'done' });
    expect(await site.docker.exists(old)).toBe(true);
    await site.worker.registry.leave(site.worker.config.workerId);
    const next = await start(WRITE, { nodeId: 'next' });
    await next.ended;
    const third = await start(UNTIL_CANCELLED, { nodeId: 'left' });
    await third.reached('up');
    expect(await other.run(third.task.taskId, payload)).toEqual({ kind: 'done' });
    const left = await containers();
    expect(left).toHaveLength(1);
    expect(left).not.toContain(old);
    expect((await readdir(join(workspaceRoot, 'Film/outputs/.staging'))).filter((name) => name.startsWith('serving-'))).toHaveLength(1);
    await other.close();
    await Promise.all([first.ended, third.ended]);
  });
});
