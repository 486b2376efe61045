import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterEach, expect, it } from '@jest/globals';
import { DockerDaemonFixture } from './docker-daemon-fixture.js';
import { NODE_IN_IMAGE, testBaseImage } from './test-image.js';
import { waitFor } from './wait-for.js';

const TEST_MS = 120_000;
const SLEEP = 'setInterval(() => {}, 1e6)';

let daemon: DockerDaemonFixture | undefined;

afterEach(async () => {
  await daemon?.end();
  daemon = undefined;
}, TEST_MS);

/** A daemon with one container that runs, and the process id of that. */
async function withContainer(liveRestore: boolean): Promise<{ daemon: DockerDaemonFixture; id: string; pid: number }> {
  const image = await testBaseImage();
  daemon = await DockerDaemonFixture.start({ liveRestore });
  await daemon.load(image);
  const container = await daemon.docker.createContainer({ Image: image, Entrypoint: [NODE_IN_IMAGE, '-e', SLEEP], HostConfig: { NetworkMode: 'none', Init: true } });
  await container.start();
  const { State } = await container.inspect();
  return { daemon, id: container.id, pid: State.Pid };
}

const lives = (pid: number): boolean => existsSync(`/proc/${pid}`);

it.each([
  { liveRestore: false, how: 'stop' as const, afterwards: 'ends' },
  { liveRestore: false, how: 'kill' as const, afterwards: 'runs on until the start' },
  { liveRestore: true, how: 'stop' as const, afterwards: 'runs on' },
  { liveRestore: true, how: 'kill' as const, afterwards: 'runs on' },
])('after a $how, live-restore $liveRestore, a container $afterwards, and nothing is left in the end', async ({ liveRestore, how, afterwards }) => {
  const { daemon: started, id, pid } = await withContainer(liveRestore);
  await started[how]();
  expect(started.running).toBe(false);
  expect(lives(pid)).toBe(afterwards !== 'ends');
  await started.start();
  const { State } = await started.docker.getContainer(id).inspect();
  expect([State.Running, lives(pid)]).toEqual(liveRestore ? [true, true] : [false, false]);
  const folder = dirname(started.socketPath);
  await started.end();
  expect([existsSync(folder), lives(pid)]).toEqual([false, false]);
  expect(await readFile('/proc/self/mounts', 'utf8')).not.toContain(folder);
}, TEST_MS);

it('leaves nothing even where it was killed and never started again', async () => {
  const { daemon: started, pid } = await withContainer(true);
  const folder = dirname(started.socketPath);
  await started.kill();
  expect(lives(pid)).toBe(true);
  await started.end();
  await waitFor('the container to be gone', () => !lives(pid));
  expect(existsSync(folder)).toBe(false);
  expect(await readFile('/proc/self/mounts', 'utf8')).not.toContain(folder);
}, TEST_MS);

it('answers nothing while it is frozen, and then what it was asked meanwhile', async () => {
  daemon = await DockerDaemonFixture.start();
  daemon.freeze();
  let answered = false;
  const answer = daemon.docker.version().then((version) => {
    answered = true;
    return version;
  });
  await waitFor('dockerd to be stopped', async () => / T /.test(await readFile(`/proc/${daemon?.pid}/stat`, 'utf8')));
  expect(answered).toBe(false);
  daemon.resume();
  expect((await answer).Version).toMatch(/^\d+\./);
}, TEST_MS);
