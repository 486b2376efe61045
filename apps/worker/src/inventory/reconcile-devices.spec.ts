import type { GpuReading, ReadGpu } from './gpu-reading.js';
import { reconcileDevices, type KnownDevices, type ReconcileTerms } from './reconcile-devices.js';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const NOTHING: KnownDevices = { devices: [], failures: 0 };
const TERMS: ReconcileTerms = { leasedBytes: () => 0, headroomBytes: 0 };

const gpu = (uuid: string, changes: Partial<ReadGpu> = {}): ReadGpu => ({ index: 0, uuid, name: 'NVIDIA L4', sizeBytes: 24 * GIB, usedBytes: 0, utilization: 5, ...changes });
const reading = (...devices: ReadGpu[]): GpuReading => ({ devices, sick: [] });

/** What comes of several readings, one after the other. */
function after(seen: (GpuReading | { failure: string })[], terms = TERMS, known = NOTHING): KnownDevices {
  return seen.reduce((state, next) => reconcileDevices(state, next, terms), known);
}

/** Id → health and GiB that can be leased. */
const outline = ({ devices }: KnownDevices): [string, string, number][] => devices.map(({ id, health, totalBytes }) => [id, health, totalBytes / GIB]);

describe('reconcileDevices', () => {
  it('lists what is read, in the driver’s order', () => {
    expect(after([reading(gpu('GPU-b', { index: 1 }), gpu('GPU-a', { usedBytes: undefined, utilization: undefined }))])).toEqual({
      devices: [
        { id: 'GPU-a', name: 'NVIDIA L4', sizeBytes: 24 * GIB, foreignBytes: 0, totalBytes: 24 * GIB, health: 'ok', real: true },
        { id: 'GPU-b', name: 'NVIDIA L4', sizeBytes: 24 * GIB, foreignBytes: 0, totalBytes: 24 * GIB, health: 'ok', real: true, usedBytes: 0, utilization: 5 },
      ],
      failures: 0,
    });
  });

  it('keeps a device that is not listed any more as lost, and has it back when it is', () => {
    const lost = after([reading(gpu('GPU-a'), gpu('GPU-b', { index: 1 })), reading(gpu('GPU-b', { index: 1 }))]);
    expect(outline(lost)).toEqual([['GPU-b', 'ok', 24], ['GPU-a', 'lost', 0]]);
    expect(lost.devices[1]).toEqual({ id: 'GPU-a', name: 'NVIDIA L4', sizeBytes: 24 * GIB, foreignBytes: 0, totalBytes: 0, health: 'lost', why: 'nvidia-smi does not list it any more', real: true });
    expect(outline(after([reading()], TERMS, lost))).toEqual([['GPU-b', 'lost', 0], ['GPU-a', 'lost', 0]]);
    const back = after([reading(gpu('GPU-a'), gpu('GPU-b', { index: 1 }))], TERMS, lost);
    expect(outline(back)).toEqual([['GPU-a', 'ok', 24], ['GPU-b', 'ok', 24]]);
    expect(back.devices[0]).not.toHaveProperty('why');
  });

  it('leases nothing of a sick device until it is well', () => {
    const sick = after([reading(gpu('GPU-a')), { devices: [], sick: [{ index: 0, uuid: 'GPU-a', name: 'NVIDIA L4', why: 'its memory.total reads ERR!' }] }]);
    expect(sick.devices).toEqual([{ id: 'GPU-a', name: 'NVIDIA L4', sizeBytes: 24 * GIB, foreignBytes: 0, totalBytes: 0, health: 'sick', why: 'its memory.total reads ERR!', real: true }]);
    expect(outline(after([reading(gpu('GPU-a'))], TERMS, sick))).toEqual([['GPU-a', 'ok', 24]]);
  });

  it('forgets a device that was never leasable once it is not listed', () => {
    const sick = after([{ devices: [], sick: [{ index: 1, uuid: undefined, name: 'x', why: 'its uuid reads ERR!' }, { index: 2, uuid: 'GPU-c', name: 'y', why: 'z' }] }]);
    expect(outline(sick)).toEqual([['index-1', 'sick', 0], ['GPU-c', 'sick', 0]]);
    expect(outline(after([reading()], TERMS, sick))).toEqual([]);
  });

  it('changes nothing for two failed readings in a row, and calls every device sick at the third', () => {
    const failed = { failure: 'nvidia-smi failed: no answer within 5000 ms' };
    const start = after([reading(gpu('GPU-a'), gpu('GPU-b', { index: 1 })), reading(gpu('GPU-a'))]);
    const twice = after([failed, failed], TERMS, start);
    expect(twice.devices).toEqual(start.devices);
    expect(outline(after([failed], TERMS, twice))).toEqual([['GPU-a', 'sick', 0], ['GPU-b', 'lost', 0]]);
    expect(after([failed], TERMS, twice).devices[0]?.why).toBe(failed.failure);
    // One that succeeds begins the count anew.
    expect(outline(after([reading(gpu('GPU-a')), failed, failed], TERMS, twice))).toEqual([['GPU-a', 'ok', 24], ['GPU-b', 'lost', 0]]);
    expect(outline(after([failed, failed, failed, reading(gpu('GPU-a'))], TERMS, start))).toEqual([['GPU-a', 'ok', 24], ['GPU-b', 'lost', 0]]);
  });

  it.each<[string, (number | undefined)[], number]>([
    ['a card of our own', [0], 0],
    ['the driver and an idle desktop', [1187], 0],
    ['a program of somebody else', [4096], 3072],
    ['one that has ended', [4096, 500], 0],
    ['one that uses a little more or less', [4096, 4200, 3900, 4096], 3072],
    ['one that uses much more', [4096, 9000], 7976],
    ['one that ended beside a busy desktop', [4096, 1100], 0],
    ['one that comes bit by bit', [1100, 1200, 1300], 276],
    ['a driver that does not tell any more', [4096, undefined], 3072],
    ['more than there is', [30_000], 24_576],
  ])('subtracts the memory of others: %s', (_, used, foreignMib) => {
    const { devices } = after(used.map((mib) => reading(gpu('GPU-a', { usedBytes: mib === undefined ? undefined : mib * MIB }))));
    expect(devices[0]?.totalBytes).toBe(Math.max(0, 24_576 - foreignMib) * MIB);
  });

  it('measures the memory of others only while nothing of ours is on the device', () => {
    const leased: ReconcileTerms = { ...TERMS, leasedBytes: (id) => (id === 'GPU-a' ? 1 : 0) };
    const busy = (mib: number): GpuReading => reading(gpu('GPU-a', { usedBytes: mib * MIB }), gpu('GPU-b', { index: 1, usedBytes: mib * MIB }));
    expect(outline(after([busy(9216)], leased))).toEqual([['GPU-a', 'ok', 24], ['GPU-b', 'ok', 16]]);
    const known = after([busy(3072)]);
    expect(outline(after([busy(9216), busy(0)], leased, known))).toEqual([['GPU-a', 'ok', 22], ['GPU-b', 'ok', 24]]);
    // Over an illness, too: what was leased then is still there.
    const ill = { devices: [], sick: [{ index: 0, uuid: 'GPU-a', name: 'x', why: 'y' }] };
    expect(outline(after([ill, busy(9216)], leased, known))[0]).toEqual(['GPU-a', 'ok', 22]);
  });

  it('keeps the headroom of every device', () => {
    expect(outline(after([reading(gpu('GPU-a', { usedBytes: 3072 * MIB }), gpu('GPU-b', { index: 1, sizeBytes: GIB }))], { ...TERMS, headroomBytes: 2 * GIB }))).toEqual([['GPU-a', 'ok', 20], ['GPU-b', 'ok', 0]]);
  });
});
