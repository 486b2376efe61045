import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempFolder, type TempFolder } from '@function-runner/testing';
import { checkGpus } from './gpu-check.js';

let folder: TempFolder;
beforeEach(async () => {
  folder = await tempFolder();
});
afterEach(() => folder.remove());

/** A program that stands in for nvidia-smi. */
async function program(script: string): Promise<string> {
  const file = join(folder.path, 'nvidia-smi');
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
  return file;
}

describe('checkGpus', () => {
  it('asks nobody where none are wanted, or they are declared', async () => {
    const broken = await program('exit 9');
    expect(await checkGpus({ source: 'none' }, broken)).toBe('none wanted');
    expect(await checkGpus({ source: 'declared', devices: [{ uuid: 'GPU-1', name: 'x', vram_gib: 24 }] }, broken)).toBe('1 declared');
  });

  it('counts what nvidia-smi names, asked as it wants to be', async () => {
    const file = await program('[ "$1" = --query-gpu=index,uuid,name,memory.total ] && [ "$2" = --format=csv,noheader,nounits ] || exit 1; echo "0, GPU-1a, NVIDIA L4, 23034"; echo "1, GPU-2b, NVIDIA L4, [N/A]"');
    expect(await checkGpus({ source: 'auto' }, file)).toBe('2 found');
  });

  it('is content with a machine that has no nvidia-smi', async () => {
    expect(await checkGpus({ source: 'auto' }, join(folder.path, 'nvidia-smi'))).toBe('no nvidia-smi on this machine');
  });

  it.each<[string, string, RegExp]>([
    ['a driver that fails', 'echo "NVIDIA-SMI has failed because it couldn\'t communicate with the NVIDIA driver."; exit 9', /nvidia-smi failed: NVIDIA-SMI has failed because/],
    ['no device', 'echo "No devices were found"; exit 6', /nvidia-smi failed: No devices were found/],
    ['a failure without a word', 'exit 9', /nvidia-smi failed: Command failed/],
  ])('fails for %s, with its words', async (_, script, message) => {
    await expect(checkGpus({ source: 'auto' }, await program(script))).rejects.toThrow(message);
  });
});
