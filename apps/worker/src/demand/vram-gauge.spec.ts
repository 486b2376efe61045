import { gpuResource } from '@function-runner/scheduling';
import type { InventoryDevice } from '../inventory/inventory-device.js';
import type { HeldLease } from '../lease/held-lease.js';
import { VramGauge } from './vram-gauge.js';

const device = (changes: Partial<InventoryDevice>): InventoryDevice => ({ id: 'a', name: 'A', sizeBytes: 24, foreignBytes: 0, totalBytes: 24, health: 'ok', real: true, ...changes });
const lease = (amounts: Record<string, number>): HeldLease => ({ id: 'l', amounts, devices: Object.keys(amounts).map((resource) => resource.slice('gpu:'.length)), taskId: 't', warm: false, renewedAt: 0 });

function gauge(leased: Record<string, number>): { gauge: VramGauge; read: (...devices: InventoryDevice[]) => void } {
  let listener: (devices: readonly InventoryDevice[]) => void = () => undefined;
  return {
    gauge: new VramGauge({ onReading: (given) => { listener = given; } }, { leasedOf: (resource) => leased[resource] ?? 0 }),
    read: (...devices) => listener(devices),
  };
}

describe('VramGauge', () => {
  it('gives the most that was seen while the task had the device for itself, less what others hold', () => {
    const { gauge: vram, read } = gauge({ [gpuResource('a')]: 12, [gpuResource('b')]: 12 });
    const measurement = vram.measure(lease({ [gpuResource('a')]: 12, [gpuResource('b')]: 12 }));
    read(device({ usedBytes: 5 }), device({ id: 'b', usedBytes: 9, foreignBytes: 2 }));
    read(device({ usedBytes: 3 }), device({ id: 'c', usedBytes: 20 }));
    expect(measurement.end()).toBe(7);
  });

  it.each<[string, Record<string, number>, Partial<InventoryDevice>]>([
    ['a device that it shares', { [gpuResource('a')]: 20 }, { usedBytes: 5 }],
    ['a device that is declared only', { [gpuResource('a')]: 12 }, { usedBytes: 5, real: false }],
    ['a driver that does not tell', { [gpuResource('a')]: 12 }, {}],
  ])('says nothing of %s', (_what, leased, changes) => {
    const { gauge: vram, read } = gauge(leased);
    const measurement = vram.measure(lease({ [gpuResource('a')]: 12 }));
    read(device(changes));
    expect(measurement.end()).toBeUndefined();
  });

  it('measures nothing before it is told to, nor after its end, nor of a task without GPU', () => {
    const { gauge: vram, read } = gauge({ [gpuResource('a')]: 12 });
    read(device({ usedBytes: 9 }));
    const measurement = vram.measure(lease({ [gpuResource('a')]: 12 }));
    expect(measurement.end()).toBeUndefined();
    read(device({ usedBytes: 9 }));
    expect(measurement.end()).toBeUndefined();
    expect(vram.measure(lease({})).end()).toBeUndefined();
  });
});
