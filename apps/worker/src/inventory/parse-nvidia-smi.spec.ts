import { readFileSync } from 'node:fs';
import { parseNvidiaSmi } from './parse-nvidia-smi.js';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

const example = (file: string): string => readFileSync(new URL(`../../../../examples/nvidia-smi/${file}`, import.meta.url), 'utf8');

describe('parseNvidiaSmi', () => {
  it.each<[string, unknown[]]>([
    ['rtx-4090-535.csv', [{ index: 0, uuid: 'GPU-6f1c2a9e-3b57-4d80-9a41-c0e8d27f5b13', name: 'NVIDIA GeForce RTX 4090', sizeBytes: 24 * GIB, usedBytes: 1187 * MIB, utilization: 12 }]],
    ['h100-550.csv', [
      { index: 0, uuid: 'GPU-0b7d4e11-92c6-e3fa-5d08-71a6c94be2f0', name: 'NVIDIA H100 80GB HBM3', sizeBytes: 81_559 * MIB, usedBytes: MIB, utilization: 0 },
      { index: 1, uuid: 'GPU-d5a83f60-1e4b-7c29-b8f3-2094ea6d7c15', name: 'NVIDIA H100 80GB HBM3', sizeBytes: 81_559 * MIB, usedBytes: 73_012 * MIB, utilization: 97 },
    ]],
    ['h100-570.csv', [{ index: 0, uuid: 'GPU-42e90c7b-5f18-a6d3-8e27-f1b05c3d9a64', name: 'NVIDIA H100 PCIe', sizeBytes: 81_559 * MIB, usedBytes: 4 * MIB, utilization: 0 }]],
    ['t4-470.csv', [{ index: 0, uuid: 'GPU-9c3e7f02-d84a-16b5-4f90-8ab2e7d1c653', name: 'Tesla T4', sizeBytes: 15_109 * MIB, usedBytes: 3 * MIB, utilization: 0 }]],
    ['a100-mig-525.csv', [
      { index: 0, uuid: 'GPU-1d2f6b84-73c9-50ea-b1f7-6c0d9e3a5482', name: 'NVIDIA A100-SXM4-40GB', sizeBytes: 40 * GIB, usedBytes: 35 * MIB, utilization: undefined },
      { index: 1, uuid: 'GPU-85a0d3c7-2e6f-4b19-9d74-e1c8f50b6a23', name: 'NVIDIA A100-SXM4-40GB', sizeBytes: 40 * GIB, usedBytes: 0, utilization: undefined },
      { index: 2, uuid: 'GPU-f3b92c50-a817-6d4e-c205-47d1e98f0b6a', name: 'NVIDIA A100-SXM4-40GB', sizeBytes: 40 * GIB, usedBytes: 4 * MIB, utilization: 0 },
    ]],
    ['inforom-550.csv', [{ index: 0, uuid: 'GPU-b6e03d98-47c1-5fa2-9e7b-83d0f1c6a529', name: 'NVIDIA RTX A6000', sizeBytes: 48 * GIB, usedBytes: 512 * MIB, utilization: 3 }]],
    ['laptop-470.csv', [{ index: 0, uuid: 'GPU-a47d1c6e-08b3-f592-6d1a-e9c5037f4b28', name: 'NVIDIA GeForce MX450', sizeBytes: 2 * GIB, usedBytes: 4 * MIB, utilization: undefined }]],
    ['laptop-430.csv', [{ index: 0, uuid: 'GPU-a47d1c6e-08b3-f592-6d1a-e9c5037f4b28', name: 'GeForce MX150', sizeBytes: 2 * GIB, usedBytes: 371 * MIB, utilization: undefined }]],
  ])('reads %s', (file, devices) => {
    expect(parseNvidiaSmi(example(file))).toEqual({ devices, sick: [] });
    // As Windows would have written it.
    expect(parseNvidiaSmi(example(file).replaceAll('\n', '\r\n'))).toEqual({ devices, sick: [] });
  });

  it('tells the broken devices of broken-560.csv from the one that works', () => {
    const name = 'NVIDIA RTX 4000 Ada Generation';
    expect(parseNvidiaSmi(example('broken-560.csv'))).toEqual({
      devices: [{ index: 0, uuid: 'GPU-2c7a9d05-e1f4-83b6-40d8-b95e6f1c3a72', name, sizeBytes: 20 * GIB, usedBytes: MIB, utilization: 0 }],
      sick: [
        { index: 1, uuid: 'GPU-e8d41b37-6a0c-92f5-7b1e-0c4f8a9d5263', name, why: 'its memory.total reads ERR!' },
        { index: 2, uuid: 'GPU-5b0f82e6-c93d-4a17-8e5c-d7f2b1609e84', name, why: 'its utilization.gpu reads [GPU requires reset]' },
        { index: 3, uuid: undefined, name, why: 'its uuid reads [Unknown Error]' },
      ],
    });
  });

  it.each<[string, string, string, string | undefined]>([
    ['24576', '0', '0', undefined],
    ['24576', '[N/A]', '0', undefined],
    ['24576', '[Not Supported]', '0', undefined],
    ['24576', '[Insufficient Permissions]', '[N/A]', undefined],
    ['24576', '0', '[Unknown Error]', undefined],
    ['[N/A]', '0', '0', 'its memory.total reads [N/A]'],
    ['[Not Supported]', '0', '0', 'its memory.total reads [Not Supported]'],
    ['0', '0', '0', 'its memory.total reads 0'],
    ['24576', '[Unknown Error]', '0', 'its memory.used reads [Unknown Error]'],
    ['24576', 'ERR!', '0', 'its memory.used reads ERR!'],
    ['24576', '[GPU requires reset]', '0', 'its memory.used reads [GPU requires reset]'],
    ['24576', '0', '[GPU requires reset]', 'its utilization.gpu reads [GPU requires reset]'],
    ['24576', '0', '[GPU is lost]', 'its utilization.gpu reads [GPU is lost]'],
    ['24576', '0', 'ERR!', 'its utilization.gpu reads ERR!'],
  ])('judges total %s, used %s, busy %s', (total, used, busy, why) => {
    const { devices, sick } = parseNvidiaSmi(`0, GPU-1a, NVIDIA L4, ${total}, ${used}, ${busy}\n`);
    expect(sick.map((device) => device.why)).toEqual(why === undefined ? [] : [why]);
    expect(devices).toHaveLength(why === undefined ? 1 : 0);
  });

  it.each([
    [24_576, 24_576], [24_564, 24_576], [24_512, 24_576], [24_511, 24_511], [24_577, 24_577], [6141, 6144], [23_034, 23_034], [49_140, 49_152], [81_559, 81_559], [15_109, 15_109],
  ])('takes %i MiB for %i', (told, nominal) => {
    expect(parseNvidiaSmi(`0, GPU-1a, x, ${told}, 0, 0`).devices[0]?.sizeBytes).toBe(nominal * MIB);
  });

  it.each(['NVIDIA RTX 6000, Ada "Generation"', 'Quadro® – Überkarte 漢', 'x', '[N/A]', '24576, 0, 0'])('leaves the name %s as it is', (name) => {
    expect(parseNvidiaSmi(`3, GPU-1a, ${name}, 1024, 1, 2\n`).devices).toEqual([{ index: 3, uuid: 'GPU-1a', name, sizeBytes: GIB, usedBytes: MIB, utilization: 2 }]);
  });

  it('passes over lines about no device', () => {
    const lines = ['Unable to determine the device handle for GPU0000:0B:00.0: GPU is lost.  Reboot the system to recover this GPU', '', '0, GPU-1a, x, 1024, 1, 2', 'WARNING: infoROM is corrupted at gpu 0000:41:00.0', '1, GPU-2b', '1, GPU-2b, y, 2048, 1, 2'];
    expect(parseNvidiaSmi(lines.join('\n')).devices.map(({ uuid }) => uuid)).toEqual(['GPU-1a', 'GPU-2b']);
  });

  it.each(['', '\n', 'No devices were found\n'])('finds nothing in %j', (output) => {
    expect(parseNvidiaSmi(output)).toEqual({ devices: [], sick: [] });
  });
});
