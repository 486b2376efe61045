import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempFolder, type TempFolder } from '@function-runner/testing';
import { InstallIdentity } from './install-identity.js';

let folder: TempFolder;
beforeEach(async () => {
  folder = await tempFolder();
});
afterEach(() => folder.remove());

const identity = (installId?: string): InstallIdentity => new InstallIdentity({ installId, workspaceRoot: folder.path });

describe('InstallIdentity', () => {
  it('takes the operator’s word', async () => {
    expect(await identity('studio-1').id()).toBe('studio-1');
    expect(await readdir(folder.path)).toEqual([]);
  });

  it('is made once and kept in the workspace', async () => {
    const id = await identity().id();
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(await identity().id()).toBe(id);
    expect(await readdir(join(folder.path, '.function-runner'))).toEqual(['install-id']);
  });

  it('is one, however many workers make it at once', async () => {
    // Several in one process have one process id, as the only process of each of several containers has.
    const ids = await Promise.all(Array.from({ length: 16 }, () => identity().id()));
    expect(new Set(ids).size).toBe(1);
    expect(await readdir(join(folder.path, '.function-runner'))).toEqual(['install-id']);
  });

  it('asks again after a failure', async () => {
    await writeFile(join(folder.path, '.function-runner'), 'a file in the way');
    const one = identity();
    await expect(one.id()).rejects.toThrow();
    await rm(join(folder.path, '.function-runner'));
    await mkdir(join(folder.path, '.function-runner'));
    expect(await one.id()).toMatch(/^[0-9a-f-]{36}$/);
  });
});
