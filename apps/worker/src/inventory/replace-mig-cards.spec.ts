import type { ReadGpu } from './gpu-reading.js';
import { replaceMigCards } from './replace-mig-cards.js';

const card = (index: number, uuid: string): ReadGpu => ({ index, uuid, name: 'NVIDIA A100', sizeBytes: 40, usedBytes: 3, utilization: undefined });

describe('replaceMigCards', () => {
  it('puts instances in place of their card, and calls one without any sick', () => {
    const broken = { index: 3, uuid: 'GPU-d', name: 'x', why: 'y' };
    const reading = { devices: [card(0, 'GPU-a'), card(1, 'GPU-b'), card(2, 'GPU-c')], sick: [broken] };
    const instances = new Map([['GPU-a', [{ uuid: 'MIG-1', profile: '3g.20gb', sizeBytes: 20 }, { uuid: 'MIG-2', profile: '2g.10gb', sizeBytes: 10 }]], ['GPU-b', []], ['GPU-c', [{ uuid: 'MIG-3', profile: '7g.40gb', sizeBytes: 40 }]]]);
    // MIG mode of the third ends with the next reset: it is a card still.
    expect(replaceMigCards(reading, new Set(['GPU-a', 'GPU-b']), instances)).toEqual({
      devices: [
        { index: 0, uuid: 'MIG-1', name: 'NVIDIA A100 MIG 3g.20gb', sizeBytes: 20, usedBytes: undefined, utilization: undefined },
        { index: 0, uuid: 'MIG-2', name: 'NVIDIA A100 MIG 2g.10gb', sizeBytes: 10, usedBytes: undefined, utilization: undefined },
        card(2, 'GPU-c'),
      ],
      sick: [broken, { index: 1, uuid: 'GPU-b', name: 'NVIDIA A100', why: expect.stringMatching(/no instances; make some with nvidia-smi mig/) }],
    });
  });

  it('takes a card that the list does not name for one without instances', () => {
    expect(replaceMigCards({ devices: [card(0, 'GPU-a')], sick: [] }, new Set(['GPU-a']), new Map())).toMatchObject({ devices: [], sick: [{ uuid: 'GPU-a' }] });
  });
});
