import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { buildWorker, testBaseImage, waitFor } from '@function-runner/testing';
import { v7 as uuidv7 } from 'uuid';
import { LABEL } from './container/container-labels.js';
import { WorkerSite } from './worker-site.fixture.js';

const PROGRAM = fileURLToPath(new URL('../dist/reap.js', import.meta.url));

let site: WorkerSite;
beforeAll(async () => {
  await buildWorker();
  site = await WorkerSite.open();
}, 60_000);
afterEach(() => site.docker.stop());
afterAll(() => site.close());

function reap(args: string[], changes: Record<string, string> = {}): Promise<{ status: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [PROGRAM, ...args], { env: { PATH: process.env['PATH'], ...site.environment(changes) } }, (error, out, err) => resolve({ status: error === null ? 0 : Number(error.code), out, err }));
  });
}

/** A container of a task that nobody knows, old enough to be believed so. */
async function plant(): Promise<string> {
  const id = await site.docker.plant(await testBaseImage(), { [LABEL.install]: site.docker.installId, [LABEL.worker]: 'dead', [LABEL.task]: uuidv7(), [LABEL.attempt]: '1' });
  await waitFor('it to be old enough', async () => (await site.docker.containers()).every(({ Created }) => Date.now() - Created * 1000 > 10_000));
  return id;
}

it('tells what nobody owns, and removes it when it is no dry run', async () => {
  const id = await plant();
  const dry = await reap(['--dry-run']);
  expect({ ...dry, out: JSON.parse(dry.out) as unknown }).toEqual({ status: 0, err: '', out: [expect.objectContaining({ kind: 'container', name: id, why: 'task-unknown', workerId: 'dead' })] });
  expect(await site.docker.exists(id)).toBe(true);
  expect((await reap([])).status).toBe(0);
  expect(await site.docker.exists(id)).toBe(false);
  expect(await reap([])).toEqual({ status: 0, err: '', out: '[]\n' });
});

it.each<[string, Record<string, string>, RegExp]>([
  ['Redis is not there', { REDIS_URL: 'redis://127.0.0.1:1' }, /^nothing was removed: Redis cannot be used: .*; nobody can tell without it what is owned\n$/],
  ['the container engine is not there', { DOCKER_HOST: 'unix:///nobody.sock' }, /^nothing was removed: the container engine does not answer, so that nothing can be looked for/],
  ['there is no workspace', { WORKSPACE_ROOT: '/nowhere/at/all' }, /^nothing was removed: there is no workspace \/nowhere\/at\/all; set WORKSPACE_ROOT/],
  ['a setting is wrong', { WORKER_PORT: 'x' }, /^WORKER_PORT must be|WORKER_PORT/],
])('refuses with a sentence where %s', async (_, changes, sentence) => {
  const { status, out, err } = await reap([], changes);
  expect({ status, out }).toEqual({ status: 1, out: '' });
  expect(err).toMatch(sentence);
  expect(err).not.toMatch(/\n\s+at /);
});
