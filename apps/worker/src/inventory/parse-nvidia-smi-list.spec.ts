import { readFileSync } from 'node:fs';
import { parseNvidiaSmiList } from './parse-nvidia-smi-list.js';

const GIB = 1024 ** 3;

describe('parseNvidiaSmiList', () => {
  it.each([['\n'], ['\r\n']])('reads the instances of each card (line end %j)', (end) => {
    const text = readFileSync(new URL('../../../../examples/nvidia-smi/a100-mig-525-list.txt', import.meta.url), 'utf8').replaceAll('\n', end);
    expect([...parseNvidiaSmiList(text)]).toEqual([
      ['GPU-1d2f6b84-73c9-50ea-b1f7-6c0d9e3a5482', [
        { uuid: 'MIG-7e15c9d2-40ab-5f83-96e1-d2b8370fca54', profile: '3g.20gb', sizeBytes: 20 * GIB },
        { uuid: 'MIG-c08f3b6a-e719-52d4-8a30-15f7d9e264bc', profile: '2g.10gb', sizeBytes: 10 * GIB },
        { uuid: 'MIG-3a94e7d1-b562-5c08-ad7f-90e1c6b8f237', profile: '1g.5gb', sizeBytes: 5 * GIB },
      ]],
      ['GPU-85a0d3c7-2e6f-4b19-9d74-e1c8f50b6a23', []],
      ['GPU-f3b92c50-a817-6d4e-c205-47d1e98f0b6a', []],
    ]);
  });

  it.each<[string, string, string, number]>([
    ['  MIG 1g.10gb+me  Device  0: (UUID: MIG-1a)', '1g.10gb+me', 'MIG-1a', 10 * GIB],
    ['  MIG 7g.80gb     Device 12: (UUID: MIG-1a)', '7g.80gb', 'MIG-1a', 80 * GIB],
    ['  MIG 3g.20gb Device 0: (UUID: MIG-GPU-1a2b/1/0)', '3g.20gb', 'MIG-GPU-1a2b/1/0', 20 * GIB],
    // Three of these divide 20 GiB.
    ['  MIG 1c.3g.20gb  Device  0: (UUID: MIG-1a)', '1c.3g.20gb', 'MIG-1a', Math.floor(20 * GIB / 3)],
    ['  MIG 2c.3g.20gb  Device  0: (UUID: MIG-1a)', '2c.3g.20gb', 'MIG-1a', Math.floor(20 * GIB * (2 / 3))],
  ])('reads %s', (line, profile, uuid, sizeBytes) => {
    expect(parseNvidiaSmiList(`GPU 0: x (y) (UUID: GPU-1a)\n${line}\n`).get('GPU-1a')).toEqual([{ uuid, profile, sizeBytes }]);
  });

  it.each(['', 'No devices found.\n', '  MIG 1g.5gb Device 0: (UUID: MIG-1a)\n', 'WARNING: infoROM is corrupted at gpu 0000:41:00.0\n'])('finds nothing in %j', (output) => {
    expect(parseNvidiaSmiList(output).size).toBe(0);
  });
});
