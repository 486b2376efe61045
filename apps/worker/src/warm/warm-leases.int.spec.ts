import { installPipeline } from '@function-runner/model-store';
import { MEMORY } from '@function-runner/scheduling';
import { LeaseBook, type BookState } from '@function-runner/lease-book';
import { serverPipeline, testBaseImage, waitFor } from '@function-runner/testing';
import { Host } from '../lease/host.js';
import { WorkerSite, type InProcessWorker } from '../worker-site.fixture.js';

const MIB = 1024 ** 2;
const HALF = 512 * MIB;
/** What each task holds: two fit into 1 GiB. */
const demand = { gpus: 0, vram_bytes: 0, splittable: false, cpu_millis: 100, memory_bytes: HALF };
const WRITE = `fs.writeFileSync(task.outputDir + '/a', 'made');`;
const PIPELINES = ['a:1.0', 'b:1.0', 'c:1.0'];

let site: WorkerSite;
let worker: InProcessWorker;
let hostId: string;

beforeAll(async () => {
  site = await WorkerSite.open();
  const image = await testBaseImage();
  for (const id of PIPELINES) await installPipeline(site.models, 'image', serverPipeline(image, { id }));
});
afterAll(() => site.close());

const book = (): Promise<BookState> => new LeaseBook(site.connection, hostId, { ttlMs: 1 }).read();
const containers = async (): Promise<{ id: string; lease: string; pipeline: string }[]> =>
  (await site.docker.containers()).map(({ Id, Labels }) => ({ id: Id, lease: Labels['function-runner.lease'] ?? '', pipeline: Labels['function-runner.pipeline'] ?? '' }));
const pipelines = async (): Promise<string[]> => (await containers()).map(({ pipeline }) => pipeline).sort();

async function openWorker(changes: Record<string, string>): Promise<void> {
  worker = await site.startInProcess(changes);
  await waitFor('the worker to be ready', async () => (await worker.ask('/health/ready')).status === 200);
  hostId = worker.app.get(Host).id;
}

async function closeWorker(): Promise<void> {
  await worker.app.close();
  expect(await containers()).toEqual([]);
  const { leases, leased } = await book();
  expect({ leases, leased }).toEqual({ leases: [], leased: {} });
}

async function run(pipelineId: string, script = WRITE, project = 'Film'): Promise<string> {
  const task = await site.submit(script, { pipelineId, project, demand });
  return (await site.end(task, 40_000)).last.status;
}

it('a task that needs the place of an idle container gets that of the one used least recently, and no other ends', async () => {
  await openWorker({ HOST_MEMORY: '1Gi', WARM_CONTAINERS: '9' });
  for (const id of ['a:1.0', 'b:1.0']) expect(await run(id)).toBe('completed');
  await waitFor('both to be warm', async () => (await book()).leases.filter(({ purpose }) => purpose === 'warm').length === 2);
  const [first] = (await containers()).filter(({ pipeline }) => pipeline === 'a:1.0');
  expect(await run('a:1.0')).toBe('completed');
  await waitFor('both to be warm again', async () => (await book()).leases.filter(({ purpose }) => purpose === 'warm').length === 2);
  expect((await book()).leased[MEMORY]).toBe(2 * HALF);

  expect(await run('c:1.0')).toBe('completed');
  expect(await pipelines()).toEqual(['a:1.0', 'c:1.0']);
  expect((await containers()).map(({ id }) => id)).toContain(first?.id);
  // The next one in its turn: a has waited longer than c.
  await waitFor('both to be warm once more', async () => (await book()).leases.filter(({ purpose }) => purpose === 'warm').length === 2);
  expect(await run('b:1.0')).toBe('completed');
  expect(await pipelines()).toEqual(['b:1.0', 'c:1.0']);
  await closeWorker();
});

it('the minimum is warm soon after the worker is ready, and no task that waits ends it', async () => {
  await openWorker({ HOST_MEMORY: '1Gi' });
  expect(await run('a:1.0')).toBe('completed');
  await closeWorker();

  await openWorker({ HOST_MEMORY: '1Gi', WARM_MINIMUM: '{"a:1.0":1}' });
  // Held by what its file claims; a task of the others needs half of what there is.
  await waitFor('it to be warm', async () => (await book()).leases.some(({ purpose, facts }) => purpose === 'warm' && facts?.['pinned'] === true), 20_000);
  const [pinned] = await containers();
  for (const id of ['b:1.0', 'c:1.0', 'b:1.0']) expect(await run(id)).toBe('completed');
  expect(await pipelines()).toEqual(['a:1.0', 'b:1.0']);
  expect(await run('a:1.0')).toBe('completed');
  expect((await containers()).map(({ id }) => id)).toContain(pinned?.id);
  await closeWorker();
});

it('whatever happens to containers, each that lives holds its lease, and what is leased is what the leases say', async () => {
  await openWorker({ HOST_MEMORY: '2Gi', WARM_CONTAINERS: '3', WORKER_CONCURRENCY: '6' });
  let over = false;
  let samples = 0;
  let most = 0;
  const sampling = (async () => {
    while (!over) {
      const before = await containers();
      const { leases, leased, totals } = await book();
      const after = new Set((await containers()).map(({ id }) => id));
      // Those that were there the whole time, whatever came and went meanwhile.
      const living = before.filter(({ id }) => after.has(id));
      const ids = leases.map(({ id }) => id);
      expect(ids).toEqual(expect.arrayContaining(living.map(({ lease }) => lease)));
      expect(new Set(living.map(({ lease }) => lease)).size).toBe(living.length);
      expect(leased[MEMORY] ?? 0).toBe(leases.reduce((sum, { amounts }) => sum + (amounts[MEMORY] ?? 0), 0));
      expect(leased[MEMORY] ?? 0).toBeLessThanOrEqual(totals[MEMORY] ?? 0);
      expect(living.length * HALF).toBeLessThanOrEqual(leased[MEMORY] ?? 0);
      samples += 1;
      most = Math.max(most, living.length);
    }
  })();
  // What it has found is met below.
  sampling.catch(() => undefined);
  const scripts = [WRITE, WRITE, `process.exit(9);`, `throw new Error('no such frame');`, `${WRITE} await say({ type: 'done' }); process.exit(0);`];
  const tasks = await Promise.all(Array.from({ length: 30 }, (_, index) => site.submit(scripts[index % scripts.length] ?? WRITE, {
    pipelineId: PIPELINES[index % PIPELINES.length] ?? '', project: index % 4 === 0 ? 'Other' : 'Film', nodeId: `n${index}`, demand,
  })));
  const states = await Promise.all(tasks.map(async (task) => (await site.end(task, 100_000)).last.status));
  expect(new Set(states)).toEqual(new Set(['completed', 'failed']));
  await waitFor('all to be at rest', async () => {
    const [living, { leases }] = [await containers(), await book()];
    return leases.every(({ purpose }) => purpose === 'warm') && living.map(({ lease }) => lease).sort().join() === leases.map(({ id }) => id).sort().join();
  });
  expect((await book()).leased[MEMORY] ?? 0).toBe((await containers()).length * HALF);
  over = true;
  await sampling;
  expect(samples).toBeGreaterThan(10);
  expect(most).toBeGreaterThan(1);
  await closeWorker();
}, 150_000);
