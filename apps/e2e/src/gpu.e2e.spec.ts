/** GPUs that are leased: never more than there is, by the Docker daemon's clock and by the book; nobody locked out. */
import { QUALITY_TIERS, type QualityTier } from '@function-runner/pipeline-schema';
import { waitFor } from '@function-runner/testing';
import type { TaskProgressPayload, TaskSuccessPayload } from '@function-runner/progress-protocol';
import type { Editor } from './editor/editor.js';
import { checkInvariants } from './invariants/invariants.js';
import { GPU_PUPPET, PUPPET, tiersFile, type GpuNodeType } from './puppet/puppet-pipelines.js';
import { BookWatch } from './stack/book-watch.js';
import { RunnerStack, type TestProject } from './stack/runner-stack.js';

const TEST_MS = 60_000;
/** Two hundred containers on two busy cores. */
const LOAD_MS = 400_000;
const TASKS = 200;

const SIZES = { 'GPU-a': 24, 'GPU-b': 24, 'GPU-c': 48 } as const;
const INVENTORY = JSON.stringify(Object.entries(SIZES).map(([uuid, vram_gib]) => ({ uuid, name: `Test ${vram_gib}`, vram_gib })));
const GIB = 1024 ** 3;

/** The demand of each tier's tasks, in turn; with what the host itself runs between them. */
const MIX: Readonly<Record<QualityTier, readonly (GpuNodeType | 'puppet')[]>> = {
  low: ['puppet_gpu12', 'puppet'], standard: ['puppet_gpu16', 'puppet_gpu12'], high: ['puppet_gpu24', 'puppet_gpu12', 'puppet'], premium: ['puppet_gpu48', 'puppet_gpu2x20', 'puppet_gpu24', 'puppet_gpu12'],
};

describe('three workers on one host with 24 + 24 + 48 GiB', () => {
  let stack: RunnerStack;
  const tiers = tiersFile();
  beforeAll(async () => {
    stack = await RunnerStack.start({ tiers, workers: 3, environment: { GPU_INVENTORY: INVENTORY, HOST_CPUS: '8' } });
  }, TEST_MS);
  afterEach(() => checkInvariants(stack));
  afterAll(() => stack.stop());

  it(`run ${TASKS} mixed tasks to their ends, and never oversell a device or a tier`, async () => {
    const editor = await stack.editor();
    const containers = await stack.containers.follow();
    const book = new BookWatch(stack.redis);
    book.start();
    const started: { taskId: string; tier: QualityTier; nodeType: string }[] = [];
    const projects = await Promise.all(QUALITY_TIERS.map(async (tier) => ({ tier, project: await stack.project(tier) })));
    for (let nth = 0; nth < TASKS; nth += 1) {
      const { tier, project } = projects[nth % projects.length] ?? { tier: 'low', project: { id: '', name: '' } };
      const nodeType = MIX[tier][Math.floor(nth / projects.length) % MIX[tier].length] ?? PUPPET.plain;
      const { taskId } = await editor.start({ projectId: project.id, nodeId: `node-${nth}`, nodeType, parameters: { steps: 2 } });
      started.push({ taskId, tier, nodeType });
    }
    const ends = new Map<string, TaskSuccessPayload>();
    for (const { taskId } of started) ends.set(taskId, await editor.success(taskId, LOAD_MS));
    const sampled = await book.stop();
    // The last one's end is told by the daemon before the task's is by us.
    const events = containers.stop();

    // From outside, exactly: who ran when, by the daemon's clock, on the devices that each take names.
    const held: Record<string, number> = {};
    const running: Record<string, number> = {};
    const most = { held: {} as Record<string, number>, running: {} as Record<string, number> };
    const grow = (sums: Record<string, number>, peak: Record<string, number>, name: string, by: number): void => {
      sums[name] = (sums[name] ?? 0) + by;
      peak[name] = Math.max(peak[name] ?? 0, sums[name]);
    };
    const used = new Set<string>();
    for (const { action, taskId } of events) {
      const task = started.find((one) => one.taskId === taskId);
      if (task === undefined || (action !== 'start' && action !== 'die')) continue;
      const by = action === 'start' ? 1 : -1;
      grow(running, most.running, task.tier, by);
      const demand = task.nodeType in GPU_PUPPET ? GPU_PUPPET[task.nodeType as GpuNodeType] : undefined;
      const devices = ends.get(taskId)?.result.metadata.gpu?.split(',') ?? [];
      expect([task.nodeType, devices.length]).toEqual([task.nodeType, demand?.gpus ?? 0]);
      for (const device of devices) {
        used.add(device);
        grow(held, most.held, device, by * (demand?.vram ?? 0));
      }
    }
    expect([...used].sort()).toEqual(Object.keys(SIZES));
    for (const [device, gib] of Object.entries(SIZES)) expect([device, most.held[device]]).toEqual([device, Math.min(gib, most.held[device] ?? Number.NaN)]);
    for (const tier of QUALITY_TIERS) expect([tier, most.running[tier]]).toEqual([tier, Math.min(tiers.tiers[tier]?.max_concurrent ?? 0, most.running[tier] ?? Number.NaN)]);
    // Side by side, not one after the other: else the limits would hold by themselves.
    expect(Math.max(...Object.values(most.running))).toBeGreaterThan(1);

    // And by the book, whenever it was looked at.
    expect(sampled.looks).toBeGreaterThan(50);
    for (const [device, gib] of Object.entries(SIZES)) {
      expect(sampled.most[`gpu:${device}`]).toBeLessThanOrEqual(gib * GIB);
      expect(sampled.most[`gpu:${device}`]).toBeGreaterThan(0);
    }
  }, LOAD_MS);

  it('give a container just the devices that it leased', async () => {
    const editor = await stack.editor();
    const project = await stack.project('premium');
    const { taskId } = await editor.start({ projectId: project.id, nodeType: 'puppet_gpu2x20', parameters: { gate: 'go' } });
    await editor.reached(taskId, ({ status, progress }) => status === 'running' && progress >= 50);
    const environment = await stack.containers.environment(taskId);
    await stack.open(project, 'go');
    const { gpu } = (await editor.success(taskId)).result.metadata;
    expect(environment['NVIDIA_VISIBLE_DEVICES']).toBe(gpu);
    expect(gpu?.split(',')).toHaveLength(2);
  }, TEST_MS);
});

describe('a 48 GiB task that waits', () => {
  const SMALL_LIMIT = 20;
  let stack: RunnerStack;
  beforeAll(async () => {
    const inventory = JSON.stringify([{ uuid: 'GPU-c', name: 'Test 48', vram_gib: 48 }]);
    stack = await RunnerStack.start({ tiers: tiersFile({ low: { max_concurrent: 4 } }), workers: 2, environment: { GPU_INVENTORY: inventory, CONTAINER_ENGINE: 'null', NULL_ENGINE_DURATION_MS: '400' } });
  }, TEST_MS);
  afterEach(() => checkInvariants(stack));
  afterAll(() => stack.stop());

  it('stops no 12 GiB task that fits, is told why it waits, and starts within the bound', async () => {
    const editor = await stack.editor();
    const [small, big] = [await stack.project('low'), await stack.project('premium')];
    const submitSmall = (nth: number): Promise<string> => startNode(editor, small, `small-${nth}`, 'puppet_gpu12');
    const smalls: string[] = [];
    // One after the other, so that they do not end all at once and leave the whole device to the big one.
    for (let nth = 0; nth < 4; nth += 1) {
      const taskId = await submitSmall(nth);
      smalls.push(taskId);
      await editor.reached(taskId, ({ status }) => status === 'running');
    }
    for (let nth = 4; nth < 10; nth += 1) smalls.push(await submitSmall(nth));
    const bigTask = await startNode(editor, big, 'big', 'puppet_gpu48');
    // For as long as it waits there are more small ones than fit.
    let nth = smalls.length;
    await waitFor('the big task to start', async () => {
      if (editor.story(bigTask).some(({ payload }) => 'status' in payload && payload.status === 'preparing')) return true;
      const waiting = smalls.filter((taskId) => !editor.story(taskId).some(({ payload }) => 'status' in payload && payload.status === 'preparing'));
      for (let missing = waiting.length; missing < 6; missing += 1) smalls.push(await submitSmall((nth += 1)));
      return false;
    }, TEST_MS);
    for (const taskId of [...smalls, bigTask]) await editor.success(taskId);

    const startOf = (taskId: string): string => editor.story(taskId).find(({ payload }) => 'status' in payload && payload.status === 'preparing')?.payload.timestamp ?? '';
    const submitted = editor.story(bigTask)[0]?.payload.timestamp ?? '';
    const passedBy = smalls.filter((taskId) => startOf(taskId) > submitted && startOf(taskId) < startOf(bigTask));
    // It was passed, since what fits goes ahead, and not for ever: 16 times by the default, and what two workers had just decided.
    expect(passedBy.length).toBeGreaterThan(0);
    expect(passedBy.length).toBeLessThanOrEqual(SMALL_LIMIT);
    const queued = editor.story(bigTask).map(({ payload }) => payload).filter((payload): payload is TaskProgressPayload => 'status' in payload && payload.status === 'queued');
    expect(queued.map(({ step }) => step)).toContainEqual(expect.stringMatching(/^waiting for 48 GiB on host /));
    expect(queued.every(({ queuePosition }) => queuePosition !== undefined && queuePosition >= 1)).toBe(true);
  }, TEST_MS * 2);
});

async function startNode(editor: Editor, project: TestProject, nodeId: string, nodeType: string): Promise<string> {
  return (await editor.start({ projectId: project.id, nodeId, nodeType })).taskId;
}

describe('a task that is too big', () => {
  const WAIT_MS = 2000;
  let stack: RunnerStack;
  const device = (uuid: string, vram_gib: number): string => JSON.stringify([{ uuid, name: `Test ${vram_gib}`, vram_gib }]);
  beforeAll(async () => {
    stack = await RunnerStack.start({ workers: 0, environment: { CONTAINER_ENGINE: 'null', CAPABLE_WORKER_WAIT: `${WAIT_MS}ms` } });
    await stack.addWorker({ GPU_INVENTORY: device('GPU-small', 24), HOST_ID: 'small-box' });
  }, TEST_MS);
  afterEach(() => checkInvariants(stack));
  afterAll(() => stack.stop());

  it('for every worker there is, is refused at the door with need, largest and mend', async () => {
    const editor = await stack.editor();
    const project = await stack.project('premium');
    const refusal = await editor.refused({ projectId: project.id, nodeId: 'big', nodeType: 'puppet_gpu48', parameters: {} });
    expect(refusal).toMatchObject({ code: 'NO_CAPABLE_WORKER' });
    expect(refusal.error).toMatch(/needs 48 GiB on one GPU; the largest there is \(Test 24 on host .+\) has 24 GiB; start a worker on a host that has as much/);
    await editor.success(await startNode(editor, project, 'fits', 'puppet_gpu24'));
  }, TEST_MS);

  it('for those that are up waits for the one that is away, and fails with NO_CAPABLE_WORKER when it does not come', async () => {
    const editor = await stack.editor();
    const project = await stack.project('premium');
    const big = { GPU_INVENTORY: device('GPU-big', 48), HOST_ID: 'big-box' };
    const away = await stack.addWorker(big);
    await editor.success(await startNode(editor, project, 'while-there', 'puppet_gpu48'));
    await away.stop();
    const inVain = await startNode(editor, project, 'in-vain', 'puppet_gpu48');
    expect(await editor.failure(inVain)).toMatchObject({ code: 'NO_CAPABLE_WORKER', attempt: 0 });

    // Away for longer than is waited for it: nobody remembers it now, until it is back.
    await waitFor('the door to refuse it', async () => 'code' in (await editor.ask('start_generation', { projectId: project.id, nodeId: 'forgotten', nodeType: 'puppet_gpu48', parameters: {} })));
    const back = await stack.addWorker(big);
    await editor.success(await startNode(editor, project, 'back', 'puppet_gpu48'));
    await back.stop();
  }, TEST_MS);
});

describe('one project’s five hundred shots', () => {
  let stack: RunnerStack;
  beforeAll(async () => {
    stack = await RunnerStack.start({ tiers: tiersFile({ standard: { max_concurrent: 2 } }), environment: { CONTAINER_ENGINE: 'null', NULL_ENGINE_DURATION_MS: '20' } });
  }, TEST_MS);
  afterEach(() => checkInvariants(stack));
  afterAll(() => stack.stop());

  it('do not lock out another’s single one', async () => {
    const editor = await stack.editor();
    const [many, single] = [await stack.project('standard'), await stack.project('standard')];
    const items = Array.from({ length: 100 }, (_, nth) => ({ nodeId: `shot-${nth}`, nodeType: PUPPET.plain, parameters: {} }));
    const shots: string[] = [];
    for (let batch = 0; batch < 5; batch += 1) {
      const { tasks } = await editor.ask<{ tasks: { taskId: string }[] }>('start_batch', { projectId: many.id, items });
      shots.push(...tasks.map(({ taskId }) => taskId));
    }
    const alone = await startNode(editor, single, 'alone', PUPPET.plain);
    await editor.success(alone);
    const done = shots.filter((taskId) => editor.story(taskId).some(({ name }) => name === 'task_success')).length;
    // Far from their end: it had its turn after a few of them.
    expect(done).toBeLessThan(shots.length / 2);
    for (const taskId of shots) await editor.success(taskId, LOAD_MS);
  }, LOAD_MS);
});
