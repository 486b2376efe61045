import { join } from 'node:path';
import { DockerFixture, TcpProxy, tempFolder, testBaseImage, waitFor, type TempFolder } from '@function-runner/testing';
import { LABEL } from './container-labels.js';
import { killContainersOf } from './kill-containers-of.js';

const docker = new DockerFixture();
const dockerHost = process.env['DOCKER_HOST'];
const socket = dockerHost === undefined ? '/var/run/docker.sock' : new URL(dockerHost).pathname;
let folder: TempFolder;
let proxy: TcpProxy;
let image: string;

beforeAll(async () => {
  image = await testBaseImage();
  folder = await tempFolder();
  proxy = await TcpProxy.start({ path: socket }, { path: join(folder.path, 'docker.sock') });
});
afterEach(() => docker.stop());
afterAll(async () => {
  await proxy.stop();
  await folder.remove();
});

const plant = (workerId: string, { installId = docker.installId, kind = LABEL.task }: { installId?: string; kind?: string } = {}): Promise<string> => docker.plant(image, { [LABEL.install]: installId, [LABEL.worker]: workerId, [kind]: 'something' });

async function isRunning(id: string): Promise<boolean> {
  return (await docker.docker.getContainer(id).inspect()).State.Running;
}

it('kills those of the worker, serving ones too, and nobody else’s', async () => {
  const own = [await plant('own'), await plant('own', { kind: LABEL.serving })];
  const others = [await plant('other'), await plant('own', { installId: `${docker.installId}-other` })];
  expect((await killContainersOf({ dockerHost, installId: docker.installId, workerId: 'own' })).sort()).toEqual([...own].sort());
  for (const id of own) await waitFor('it to have ended', async () => !(await isRunning(id)));
  for (const id of others) expect(await isRunning(id)).toBe(true);
  // What has ended is not killed again.
  expect(await killContainersOf({ dockerHost, installId: docker.installId, workerId: 'own' })).toEqual([]);
});

it('waits for no daemon that hangs', async () => {
  proxy.blackhole(true);
  await expect(killContainersOf({ dockerHost: `unix://${join(folder.path, 'docker.sock')}`, installId: docker.installId, workerId: 'own' })).rejects.toThrow(/no answer within 2000 ms/);
  expect(proxy.swallowed).toBeGreaterThan(0);
  proxy.blackhole(false);
});

it('says what a daemon answers that would not', async () => {
  await expect(killContainersOf({ dockerHost: `unix://${join(folder.path, 'nobody.sock')}`, installId: docker.installId, workerId: 'own' })).rejects.toThrow(/ENOENT/);
});
