import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { LeaseBook } from '@function-runner/lease-book';
import { keys } from '@function-runner/progress-protocol';
import { MEMORY } from '@function-runner/scheduling';
import { SERVER_PIPELINE, waitFor } from '@function-runner/testing';
import { ServingSite } from './serving-site.fixture.js';

const SHARED = 'shared:1.0';
const WRITE = `fs.writeFileSync(task.outputDir + '/a', 'made');`;

let site: ServingSite;

beforeAll(async () => {
  site = await ServingSite.open();
  await site.install({ id: SHARED, shareable: true });
  await site.install({ id: 'exits:1.0', shareable: true, opening: `process.exit(4);` });
  await site.install({ id: 'slow:1.0', shareable: true, opening: `await wait(1e6);` });
});
afterEach(async () => {
  expect(await site.closeWorker()).toEqual({ containers: [], leased: {}, leases: [], warm: 0, folders: [] });
  await site.connection.del(keys.warmProjects(SERVER_PIPELINE));
});
afterAll(() => site.close());

async function openWarm(minimum: Record<string, number>, changes: Record<string, string> = {}): Promise<void> {
  await site.openWorker({ WARM_MINIMUM: JSON.stringify(minimum), WARM_CONTAINERS: '3', ...changes });
  site.worker.warmUp.start();
}

const asked = (times: number): Promise<unknown> => waitFor('the warm-up to have asked', () => site.worker.gate.asked >= times, 20_000);

describe('the minimum of a pipeline', () => {
  it('is warm before the first task, for any project where it is shareable, and holds its lease', async () => {
    await openWarm({ [SHARED]: 2 });
    await site.warm(2);
    const { leases, leased } = await site.book();
    expect(leases).toHaveLength(2);
    for (const { amounts, purpose, facts } of leases) expect({ amounts, purpose, facts }).toEqual({ purpose: 'warm', amounts: { cpu: 1000, memory: 256 * 1024 ** 2 }, facts: { idleSince: expect.any(Number), shareable: true, pinned: true } });
    expect(leased).toEqual({ cpu: 2000, memory: 512 * 1024 ** 2 });
    const before = await site.containers();
    expect(await site.run(WRITE, { pipelineId: SHARED })).toMatchObject({ status: 'completed' });
    expect(await site.taken()).toEqual({ hits: 1, misses: 0 });
    expect((await site.containers()).sort()).toEqual(before.sort());
    await site.warm(2);
  });

  it('is warm after a restart for the projects that used it last, and makes none that are gone', async () => {
    await site.openWorker({ WARM_CONTAINERS: '3' });
    for (const project of ['Film', 'Other', 'Gone']) await site.run(WRITE, { project });
    await waitFor('all to be noted', async () => (await site.worker.recent.latest(SERVER_PIPELINE)).length === 3);
    expect((await site.worker.recent.latest(SERVER_PIPELINE)).map(({ name, id }) => [name, id])).toEqual([['Gone', 'gone'], ['Other', 'other'], ['Film', 'film']]);
    expect(await site.connection.pttl(keys.warmProjects(SERVER_PIPELINE))).toBeGreaterThan(6 * 86_400_000);
    await site.worker.close();
    await rm(join(site.workspace, 'Gone'), { recursive: true });

    await openWarm({ [SERVER_PIPELINE]: 2 });
    await site.warm(2);
    expect(site.worker.pool.idleContainers('w').map(({ projectId }) => projectId).sort()).toEqual(['film', 'other']);
    for (const project of ['Other', 'Film']) await site.run(WRITE, { project });
    expect(await site.taken()).toEqual({ hits: 2, misses: 0 });
    expect(await readdir(site.workspace)).not.toContain('Gone');
    expect((await site.worker.recent.latest(SERVER_PIPELINE)).map(({ name }) => name).sort()).toEqual(['Film', 'Other']);
  });

  it('waits while nobody has used the pipeline, and begins with the first who does', async () => {
    await openWarm({ [SERVER_PIPELINE]: 2 });
    await asked(1);
    expect(await site.containers()).toEqual([]);
    await site.run(WRITE);
    await waitFor('one more beside it', () => site.worker.pool.warm === 2, 20_000);
    expect(site.worker.pool.idleContainers('w').map(({ projectId, pinned }) => [projectId, pinned])).toEqual([['film', true], ['film', true]]);
  });

  it('is never started ahead of tasks that wait', async () => {
    await site.openWorker({ WARM_MINIMUM: JSON.stringify({ [SHARED]: 1 }) });
    site.worker.gate.open = false;
    site.worker.warmUp.start();
    await asked(2);
    expect([await site.containers(), (await site.book()).leases]).toEqual([[], []]);
    site.worker.gate.open = true;
    await waitFor('it to be warm', () => site.worker.pool.warm === 1, 20_000);
  });

  it('waits for what it needs, which others hold', async () => {
    await site.openWorker({ WARM_MINIMUM: JSON.stringify({ [SHARED]: 1 }), HOST_MEMORY: '1Gi' });
    const [lease] = await site.worker.leases.acquire([{ task: { taskId: 't', pipelineId: 'p:1', projectId: 'film' }, amounts: { [MEMORY]: 1024 ** 3 } }]);
    site.worker.warmUp.start();
    await asked(2);
    expect([await site.containers(), (await site.book()).leased]).toEqual([[], { [MEMORY]: 1024 ** 3 }]);
    await site.worker.leases.release(lease === undefined ? [] : [lease]);
    await waitFor('it to be warm', () => site.worker.pool.warm === 1, 20_000);
  });

  it('makes room among what is warm by chance', async () => {
    await site.openWorker({ WARM_MINIMUM: JSON.stringify({ [SHARED]: 1 }), WARM_CONTAINERS: '1' });
    await site.run(WRITE);
    await site.warm(1);
    const guest = await site.theContainer();
    site.worker.warmUp.start();
    await site.gone(guest);
    await waitFor('it to be warm', () => site.worker.pool.termsOf(SHARED).length === 1, 20_000);
    expect(await site.containers()).toHaveLength(1);
  });

  it('outlives the idle time-out, and any wish for its place', async () => {
    await openWarm({ [SHARED]: 1 }, { WARM_IDLE_TIMEOUT: '300ms' });
    await site.warm(1);
    const pinned = await site.theContainer();
    await site.run(WRITE);
    const other = (await site.containers()).find((id) => id !== pinned) ?? '';
    await site.gone(other);
    const [lease] = (await site.book()).leases;
    site.worker.pool.evict([lease?.id ?? '']);
    expect(await site.run(WRITE, { pipelineId: SHARED, project: 'Other' })).toMatchObject({ status: 'completed' });
    expect(await site.theContainer()).toBe(pinned);
  });

  it('is started again where it died, and where its pipeline has changed', async () => {
    await openWarm({ [SHARED]: 1 });
    await site.warm(1);
    const first = await site.theContainer();
    await site.docker.kill(first);
    await site.gone(first);
    await waitFor('another one', () => site.worker.pool.warm === 1, 20_000);
    const second = await site.theContainer();
    expect(second).not.toBe(first);
    await site.install({ id: SHARED, shareable: true, opening: 'await wait(1);' });
    await waitFor('one of the changed pipeline', async () => !(await site.docker.exists(second)) && site.worker.pool.warm === 1, 30_000);
    await site.install({ id: SHARED, shareable: true });
  });

  it('of one pipeline does not depend on that of another, which cannot be started', async () => {
    await openWarm({ 'unknown:1.0': 1, 'exits:1.0': 1, [SHARED]: 1 });
    await site.warm(1);
    expect(site.worker.pool.termsOf(SHARED)).toHaveLength(1);
    expect((await site.book()).leases).toHaveLength(1);
  });
});

describe('a container that is being started', () => {
  it('is gone when the worker ends', async () => {
    await openWarm({ 'slow:1.0': 1 });
    await waitFor('its container', async () => (await site.containers()).length === 1);
    await site.worker.warmUp.stop();
    expect([await site.containers(), (await site.book()).leased, site.worker.pool.warm]).toEqual([[], {}, 0]);
  });

  it('is gone when its lease went to others', async () => {
    await openWarm({ 'slow:1.0': 1 });
    await waitFor('its container', async () => (await site.containers()).length === 1);
    const id = await site.theContainer();
    const { leases: [lease] } = await site.book();
    // As if this worker had been away for longer than a lease lasts.
    await site.connection.zadd(keys.leaseExpiry(site.worker.host.id), 1, lease?.id ?? '');
    expect(await new LeaseBook(site.connection, site.worker.host.id, { ttlMs: 1 }).releaseExpired({ id: lease?.id ?? '', expiresAt: 1 })).toBe(true);
    await site.gone(id);
    expect(site.worker.pool.warm).toBe(0);
  });
});
