import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tempFolder, waitFor, type TempFolder } from '@function-runner/testing';
import { NvidiaSmi } from './nvidia-smi.adapter.js';

const GIB = 1024 ** 3;
const EXAMPLES = fileURLToPath(new URL('../../../../examples/nvidia-smi', import.meta.url));

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

const DEVICES = '--query-gpu=index,uuid,name,memory.total,memory.used,utilization.gpu --format=csv,noheader,nounits';
const MODES = '--query-gpu=uuid,mig.mode.current --format=csv,noheader';

describe('NvidiaSmi', () => {
  it('asks once for cards that tell all', async () => {
    const file = await program(`[ "$*" = "${DEVICES}" ] || exit 3; cat ${EXAMPLES}/h100-550.csv`);
    expect((await new NvidiaSmi(file).read())?.devices.map(({ name }) => name)).toEqual(['NVIDIA H100 80GB HBM3', 'NVIDIA H100 80GB HBM3']);
  });

  it('gives the instances of cards in MIG mode in their place', async () => {
    const file = await program(`case "$*" in "${DEVICES}") cat ${EXAMPLES}/a100-mig-525.csv;; "${MODES}") cat ${EXAMPLES}/a100-mig-525-modes.csv;; -L) cat ${EXAMPLES}/a100-mig-525-list.txt;; *) exit 3;; esac`);
    const reading = await new NvidiaSmi(file).read();
    expect(reading?.devices.map(({ uuid, sizeBytes }) => [uuid.slice(0, 12), sizeBytes / GIB])).toEqual([['MIG-7e15c9d2', 20], ['MIG-c08f3b6a', 10], ['MIG-3a94e7d1', 5], ['GPU-f3b92c50', 40]]);
    expect(reading?.sick.map(({ uuid }) => uuid)).toEqual(['GPU-85a0d3c7-2e6f-4b19-9d74-e1c8f50b6a23']);
  });

  it.each([
    ['no MIG mode', `echo "GPU-a47d1c6e-08b3-f592-6d1a-e9c5037f4b28, [N/A]"`],
    ['a driver that knows no such mode', `echo 'Field "mig.mode.current" is not a valid field to query.'; exit 2`],
  ])('leaves a laptop with %s alone', async (_, modes) => {
    const file = await program(`case "$*" in "${DEVICES}") cat ${EXAMPLES}/laptop-470.csv;; "${MODES}") ${modes};; *) exit 3;; esac`);
    expect(await new NvidiaSmi(file).read()).toMatchObject({ devices: [{ name: 'NVIDIA GeForce MX450' }], sick: [] });
  });

  it.each([14, 15])('believes what is said of the others when it ends with %i', async (code) => {
    expect(await new NvidiaSmi(await program(`cat ${EXAMPLES}/inforom-550.csv; exit ${code}`)).read()).toMatchObject({ devices: [{ name: 'NVIDIA RTX A6000' }] });
    await expect(new NvidiaSmi(await program(`echo "Unable to determine the device handle"; exit ${code}`)).read()).rejects.toThrow('nvidia-smi failed: Unable to determine the device handle');
  });

  it('finds no device where there is none, and no program where that is missing', async () => {
    expect(await new NvidiaSmi(await program('echo "No devices were found"; exit 6')).read()).toEqual({ devices: [], sick: [] });
    expect(await new NvidiaSmi(join(folder.path, 'missing')).read()).toBeUndefined();
    expect(await new NvidiaSmi('no-such-program-anywhere').read()).toBeUndefined();
  });

  it.each<[string, string, RegExp]>([
    ['a driver that fails', 'echo "NVIDIA-SMI has failed because it couldn\'t communicate with the NVIDIA driver."; exit 9', /^nvidia-smi failed: NVIDIA-SMI has failed because/],
    ['a word on stderr', 'echo "no libnvidia-ml.so" >&2; exit 12', /^nvidia-smi failed: no libnvidia-ml\.so$/],
    ['a failure without a word', 'exit 9', /^nvidia-smi failed: Command failed/],
    ['a list that fails after a device', `cat ${EXAMPLES}/t4-470.csv; exit 255`, /^nvidia-smi failed: 0, GPU-9c3e7f02/],
    ['modes that cannot be told', `[ "$*" = "${MODES}" ] && exit 9; cat ${EXAMPLES}/laptop-470.csv`, /^nvidia-smi failed: Command failed/],
    ['instances that cannot be listed', `case "$*" in "${DEVICES}") cat ${EXAMPLES}/a100-mig-525.csv;; "${MODES}") cat ${EXAMPLES}/a100-mig-525-modes.csv;; *) echo no; exit 9;; esac`, /^nvidia-smi failed: no$/],
    ['a crash', 'kill -SEGV $$', /^nvidia-smi failed: /],
  ])('fails for %s, with its words', async (_, script, message) => {
    await expect(new NvidiaSmi(await program(script)).read()).rejects.toThrow(message);
  });

  it('fails for what is no program', async () => {
    await expect(new NvidiaSmi(folder.path).read()).rejects.toThrow(/^nvidia-smi failed: .*EACCES/);
  });

  it('waits no longer for a driver that hangs, and kills the program', async () => {
    const file = await program(`echo $$ > ${folder.path}/pid; exec sleep 1000`);
    const nvidiaSmi = new NvidiaSmi(file, 500);
    await expect(nvidiaSmi.read()).rejects.toThrow('nvidia-smi failed: no answer within 500 ms');
    const pid = Number(await readFile(join(folder.path, 'pid'), 'utf8'));
    await waitFor('its end', async () => !/\) [^ZX] /.test(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')));
  });

  it('starts no second program beside one that cannot be killed', async () => {
    // A child that keeps its output open stands for a process that the kernel does not let go.
    const file = await program(`sleep 1000 & echo $! > ${folder.path}/pid; echo x >> ${folder.path}/starts; wait`);
    const nvidiaSmi = new NvidiaSmi(file, 500);
    await expect(nvidiaSmi.read()).rejects.toThrow('no answer within 500 ms');
    await expect(nvidiaSmi.read()).rejects.toThrow('nvidia-smi failed: the one that was asked before has not ended; the driver hangs');
    expect(await readFile(join(folder.path, 'starts'), 'utf8')).toBe('x\n');
    process.kill(Number(await readFile(join(folder.path, 'pid'), 'utf8')), 'SIGKILL');
    await program(`cat ${EXAMPLES}/t4-470.csv`);
    expect(await waitFor('an answer', () => nvidiaSmi.read())).toMatchObject({ devices: [{ name: 'Tesla T4' }] });
  });
});
