import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { tempFolder, type TempFolder } from '@function-runner/testing';
import { collectOutputs } from './collect-outputs.js';

const sha256 = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex');

let folder: TempFolder;
beforeEach(async () => {
  folder = await tempFolder();
});
afterEach(() => folder.remove());

const collect = (announced: { path: string; mediaType: string | undefined }[] = [], limit = 1e9): ReturnType<typeof collectOutputs> => collectOutputs(folder.path, announced, limit);

describe('collectOutputs', () => {
  it('lists every file with type, size and sha256, in order', async () => {
    const large = Buffer.alloc(3 * 1024 * 1024 + 17, 'é');
    await writeFile(join(folder.path, 'b.png'), 'picture');
    await writeFile(join(folder.path, 'a.bin'), large);
    await mkdir(join(folder.path, 'deep/er'), { recursive: true });
    await writeFile(join(folder.path, 'deep/er/empty.txt'), '');
    expect(await collect([{ path: './a.bin', mediaType: 'application/x-latent' }, { path: 'b.png', mediaType: undefined }])).toEqual([
      { path: 'a.bin', mediaType: 'application/x-latent', bytes: large.length, sha256: sha256(large) },
      { path: 'b.png', mediaType: 'image/png', bytes: 7, sha256: sha256('picture') },
      { path: 'deep/er/empty.txt', mediaType: 'text/plain', bytes: 0, sha256: sha256('') },
    ]);
  });

  it.each([['nothing at all', async () => undefined], ['empty folders only', () => mkdir(join(folder.path, 'a/b'), { recursive: true })]])('refuses %s', async (_, prepare) => {
    await prepare();
    await expect(collect()).rejects.toMatchObject({ code: 'OUTPUT_MISSING' });
  });

  it.each(['missing.png', '../a.txt', '/etc/passwd', 'deep'])('refuses the announced output %s, which is not among them', async (path) => {
    await writeFile(join(folder.path, 'a.txt'), 'x');
    await mkdir(join(folder.path, 'deep'));
    await expect(collect([{ path, mediaType: undefined }])).rejects.toMatchObject({ code: 'OUTPUT_MISSING', message: expect.stringContaining(path) });
  });

  it('refuses symbolic links, inside and out, of files and of folders', async () => {
    await writeFile(join(folder.path, 'a.txt'), 'x');
    for (const [name, target] of [['passwd', '/etc/passwd'], ['inner', 'a.txt'], ['etc', '/etc'], ['dangling', 'nowhere']] as const) {
      const own = await tempFolder();
      await writeFile(join(own.path, 'a.txt'), 'x');
      await symlink(target, join(own.path, name));
      await expect(collectOutputs(own.path, [], 1e9)).rejects.toMatchObject({ code: 'PROTOCOL_VIOLATION', message: expect.stringContaining(name) });
      await own.remove();
    }
  });

  it('refuses a pipe without opening it', async () => {
    await promisify(execFile)('mkfifo', [join(folder.path, 'pipe')]);
    await expect(collect()).rejects.toMatchObject({ code: 'PROTOCOL_VIOLATION' });
  });

  it('holds the limit over all files together', async () => {
    await writeFile(join(folder.path, 'a'), 'x'.repeat(60));
    await writeFile(join(folder.path, 'b'), 'x'.repeat(40));
    expect(await collect([], 100)).toHaveLength(2);
    await expect(collect([], 99)).rejects.toMatchObject({ code: 'OUTPUT_TOO_LARGE' });
  });

  it('takes ten thousand announcements without trying every file for each', async () => {
    const names = Array.from({ length: 2000 }, (_, index) => `frame-${index}.png`);
    await Promise.all(names.map((name) => writeFile(join(folder.path, name), '')));
    expect(await collect(names.map((path) => ({ path, mediaType: undefined })))).toHaveLength(2000);
  });
});
