/** What becomes of serving containers when their daemon goes away under them: with a daemon of the test's own. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DockerDaemonFixture, waitFor } from '@function-runner/testing';
import { ServingSite } from './serving-site.fixture.js';

const TEST_MS = 120_000;
const WRITE = `fs.writeFileSync(task.outputDir + '/a', 'made');`;
const UNTIL_GO = `await say({ type: 'progress', progress: 10, step: 'up' }); while (!fs.existsSync('/workspace/Film/' + task.nodeId + '.go')) await wait(20); ${WRITE}`;

let site: ServingSite;
let daemon: DockerDaemonFixture;

beforeAll(async () => {
  site = await ServingSite.open();
  daemon = await DockerDaemonFixture.start();
  await daemon.load(site.image);
}, TEST_MS);
beforeEach(() => site.openWorker({ DOCKER_HOST: daemon.host }));
afterEach(async () => {
  await site.closeWorker();
}, TEST_MS);
afterAll(async () => {
  await site.close();
  await daemon.end();
}, TEST_MS);

describe.each(['stop', 'kill'] as const)('a daemon that restarts (%s)', (how) => {
  async function restart(): Promise<void> {
    await daemon[how]();
    expect(daemon.running).toBe(false);
    await daemon.start();
  }

  it('under a warm container: the pool drops it, and the next task gets one of its own', async () => {
    expect(await site.run(WRITE)).toMatchObject({ status: 'completed', attempt: 1 });
    await site.warm(1);
    await restart();
    await site.warm(0);
    expect(await site.run(WRITE)).toMatchObject({ status: 'completed', attempt: 1 });
    expect(await site.taken()).toEqual({ hits: 0, misses: 2 });
  }, TEST_MS);

  it('under one that is at work: its task is put back, nothing hangs, and it is served by another', async () => {
    const { task, reached, ended } = await site.start(UNTIL_GO, { nodeId: `node-${how}` });
    await reached('up');
    await restart();
    const end = await ended;
    expect(end).toMatchObject({ kind: 'put-back' });
    await waitFor('the pool to have dropped it', () => site.worker.pool.warm === 0);
    await writeFile(join(site.workspace, 'Film', `node-${how}.go`), '');
    expect(await site.resume(task, end).last()).toMatchObject({ status: 'completed', attempt: 2 });
    expect(await site.takes(`node-${how}`)).toEqual([task.taskId]);
  }, TEST_MS);
});
