import { chmod, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempFolder, waitFor, type TempFolder } from '@function-runner/testing';
import type { GpuInventory } from '../config/gpu-inventory.js';
import { createLogger } from '../logging/logger.js';
import { DeviceInventory } from './device-inventory.js';
import type { InventoryDevice } from './inventory-device.js';

const GIB = 1024 ** 3;
const L4 = '0, GPU-1a, NVIDIA L4, 24576, 0, 0';

let folder: TempFolder;
let inventories: DeviceInventory[];
beforeEach(async () => {
  folder = await tempFolder();
  inventories = [];
  // A program that stands in for nvidia-smi: it prints a file, and counts how often it was asked.
  await writeFile(join(folder.path, 'nvidia-smi'), `#!/bin/sh\necho x >> ${folder.path}/looks\nif [ -e ${folder.path}/broken ]; then echo "driver is gone"; exit 9; fi\ncat ${folder.path}/says\n`);
  await chmod(join(folder.path, 'nvidia-smi'), 0o755);
});
afterEach(async () => {
  for (const inventory of inventories) inventory.stop();
  await folder.remove();
});

function make(changes: { gpuInventory?: GpuInventory; vramHeadroomBytes?: number; nvidiaSmi?: string } = {}): DeviceInventory {
  const inventory = new DeviceInventory({ gpuInventory: { source: 'auto' }, nvidiaSmi: join(folder.path, 'nvidia-smi'), gpuPollMs: 1, vramHeadroomBytes: 0, ...changes }, createLogger('silent', 'test'));
  inventories.push(inventory);
  return inventory;
}

/** What the driver tells from now on; never half of it. */
async function says(...lines: string[]): Promise<void> {
  await writeFile(join(folder.path, 'next'), lines.map((line) => `${line}\n`).join(''));
  await rename(join(folder.path, 'next'), join(folder.path, 'says'));
}

const looks = async (): Promise<number> => (await readFile(join(folder.path, 'looks'), 'utf8').catch(() => '')).length / 2;

/** Waits for readings that began after this call. */
async function looksAgain(): Promise<void> {
  const before = await looks();
  await waitFor('two more looks', async () => (await looks()) >= before + 2);
}

const outline = (devices: readonly InventoryDevice[]): [string, string, number][] => devices.map(({ id, health, totalBytes }) => [id, health, totalBytes / GIB]);

describe('DeviceInventory', () => {
  it('has the declared devices without asking anybody, less the headroom', async () => {
    const inventory = make({ gpuInventory: { source: 'declared', devices: [{ uuid: 'GPU-1a', name: 'NVIDIA L4', vram_gib: 22.5 }, { uuid: 'GPU-2b', name: 'x', vram_gib: 0.5 }] }, vramHeadroomBytes: GIB });
    await inventory.start(() => 0);
    await inventory.looked();
    expect(inventory.devices).toEqual([
      { id: 'GPU-1a', name: 'NVIDIA L4', sizeBytes: 22.5 * GIB, foreignBytes: 0, totalBytes: 21.5 * GIB, health: 'ok', real: false },
      { id: 'GPU-2b', name: 'x', sizeBytes: 0.5 * GIB, foreignBytes: 0, totalBytes: 0, health: 'ok', real: false },
    ]);
    expect(await looks()).toBe(0);
  });

  it('has none where none are wanted, and none where there is no program', async () => {
    await says(L4);
    const none = make({ gpuInventory: { source: 'none' } });
    await none.start(() => 0);
    await none.looked();
    expect([none.devices, await looks()]).toEqual([[], 0]);
    const bare = make({ nvidiaSmi: join(folder.path, 'missing') });
    await bare.start(() => 0);
    expect([bare.devices, bare.installed, bare.failure]).toEqual([[], false, undefined]);
  });

  it('follows what the driver lists, and tells of every change and of nothing else', async () => {
    await says(L4, '1, GPU-2b, NVIDIA L4, 24576, 0, 0');
    const inventory = make();
    const told: [string, string, number][][] = [];
    const end = inventory.onChange((devices) => told.push(outline(devices)));
    await inventory.start(() => 0);
    expect(outline(inventory.devices)).toEqual([['GPU-1a', 'ok', 24], ['GPU-2b', 'ok', 24]]);
    await says(L4, '1, GPU-2b, NVIDIA L4, 24576, 90, 77');
    await waitFor('the new figures', () => inventory.devices[1]?.utilization === 77);
    await says(L4);
    await waitFor('the loss', () => inventory.devices.some(({ health }) => health === 'lost'));
    await says(L4, '1, GPU-2b, NVIDIA L4, ERR!, ERR!, ERR!');
    await waitFor('the illness', () => inventory.devices.some(({ health }) => health === 'sick'));
    await says(L4, '1, GPU-2b, NVIDIA L4, 24576, 0, 0');
    await waitFor('its return', () => inventory.devices.every(({ health }) => health === 'ok'));
    end();
    await says(L4, '1, GPU-2b, NVIDIA L4, 24576, 9216, 0');
    await waitFor('a program of somebody else', () => inventory.devices[1]?.totalBytes === 16 * GIB);
    expect(told).toEqual([
      [['GPU-1a', 'ok', 24], ['GPU-2b', 'ok', 24]],
      [['GPU-1a', 'ok', 24], ['GPU-2b', 'lost', 0]],
      [['GPU-1a', 'ok', 24], ['GPU-2b', 'sick', 0]],
      [['GPU-1a', 'ok', 24], ['GPU-2b', 'ok', 24]],
    ]);
  });

  it('says at once that the driver fails, keeps the devices a while, and has them back', async () => {
    await says(L4);
    const inventory = make();
    const told: string[] = [];
    inventory.onChange(([device]) => told.push(`${device?.health}`));
    await inventory.start(() => 0);
    await writeFile(join(folder.path, 'broken'), '');
    await waitFor('the failure', () => inventory.failure === 'nvidia-smi failed: driver is gone');
    await waitFor('the end of patience', () => inventory.devices[0]?.health === 'sick');
    expect(inventory.devices[0]).toMatchObject({ totalBytes: 0, why: 'nvidia-smi failed: driver is gone' });
    await rm(join(folder.path, 'broken'));
    await waitFor('its return', () => inventory.devices[0]?.health === 'ok');
    expect([inventory.failure, told]).toEqual([undefined, ['ok', 'sick', 'ok']]);
  });

  it('starts with a driver that fails, and has the devices once it works', async () => {
    await writeFile(join(folder.path, 'broken'), '');
    await says(L4);
    const inventory = make();
    await inventory.start(() => 0);
    expect([inventory.devices, inventory.failure]).toEqual([[], 'nvidia-smi failed: driver is gone']);
    await rm(join(folder.path, 'broken'));
    await waitFor('the device', () => inventory.devices.length === 1);
  });

  it('takes memory in use for others’ only while nothing of ours is leased, as long as that can be told', async () => {
    await says('0, GPU-1a, NVIDIA L4, 24576, 9216, 50');
    const inventory = make();
    let leased: () => number | Promise<number> = () => 1;
    const asked = new Set<string>();
    await inventory.start((id) => {
      asked.add(id);
      return leased();
    });
    await looksAgain();
    expect([outline(inventory.devices), [...asked]]).toEqual([[['GPU-1a', 'ok', 24]], ['GPU-1a']]);
    leased = () => Promise.reject(new Error('Redis is away'));
    await looksAgain();
    expect(outline(inventory.devices)).toEqual([['GPU-1a', 'ok', 24]]);
    leased = () => Promise.resolve(0);
    await waitFor('the measure', () => inventory.devices[0]?.totalBytes === 16 * GIB);
  });

  it('looks whenever it is asked before it is started, and measures nothing then', async () => {
    await says('0, GPU-1a, NVIDIA L4, 24576, 9216, 50');
    const inventory = make();
    await Promise.all([inventory.looked(), inventory.looked()]);
    expect([outline(inventory.devices), await looks()]).toEqual([[['GPU-1a', 'ok', 24]], 1]);
    await inventory.looked();
    expect(await looks()).toBe(2);
    await Promise.all([inventory.looked(), inventory.start(() => 0)]);
    expect(outline(inventory.devices)).toEqual([['GPU-1a', 'ok', 16]]);
  });

  it('looks on when somebody who is told throws, and no more once it is stopped', async () => {
    await says(L4);
    const inventory = make();
    inventory.onChange(() => {
      throw new Error('by a test');
    });
    let told = 0;
    inventory.onChange(() => (told += 1));
    await inventory.start(() => 0);
    await looksAgain();
    expect(told).toBe(1);
    inventory.stop();
    // One may have been under way.
    const most = (await looks()) + 1;
    const otherProgram = join(folder.path, 'other-smi');
    await writeFile(otherProgram, `#!/bin/sh\necho x >> ${folder.path}/other-looks\n`);
    await chmod(otherProgram, 0o755);
    await make({ nvidiaSmi: otherProgram }).start(() => 0);
    await waitFor('another to look five times', async () => (await readFile(join(folder.path, 'other-looks'), 'utf8')).length >= 10);
    expect(await looks()).toBeLessThanOrEqual(most);
  });
});
