import type { InventoryDevice } from '../inventory/inventory-device.js';
import { checkGpus } from './gpu-check.js';

type Seen = Parameters<typeof checkGpus>[0];

const device = (id: string, changes: Partial<InventoryDevice> = {}): InventoryDevice => ({ id, name: 'NVIDIA L4', sizeBytes: 1, foreignBytes: 0, totalBytes: 1, health: 'ok', real: true, ...changes });
const SICK: Partial<InventoryDevice> = { health: 'sick', why: 'its memory.total reads ERR!', totalBytes: 0 };
const seen = (changes: Partial<Seen> = {}): Seen => ({ source: 'auto', devices: [], failure: undefined, installed: true, ...changes });

describe('checkGpus', () => {
  it.each<[string, Seen]>([
    ['none wanted', seen({ source: 'none' })],
    ['1 declared', seen({ source: 'declared', devices: [device('GPU-1a')] })],
    ['no nvidia-smi on this machine', seen({ installed: false })],
    ['0 found', seen()],
    ['2 found', seen({ devices: [device('GPU-1a'), device('GPU-2b')] })],
    ['1 of 2 devices cannot be used: GPU-2b is sick (its memory.total reads ERR!)', seen({ devices: [device('GPU-1a'), device('GPU-2b', SICK)] })],
    ['2 of 3 devices cannot be used: GPU-2b is sick (its memory.total reads ERR!); GPU-3c is lost (gone)', seen({ devices: [device('GPU-1a'), device('GPU-2b', SICK), device('GPU-3c', { health: 'lost', why: 'gone' })] })],
  ])('says %s', (sentence, inventory) => {
    expect(checkGpus(inventory)).toBe(sentence);
  });

  it.each<[string, Seen]>([
    ['nvidia-smi failed: no', seen({ failure: 'nvidia-smi failed: no' })],
    ['nvidia-smi failed: no', seen({ failure: 'nvidia-smi failed: no', devices: [device('GPU-1a')] })],
    ['1 of 1 devices cannot be used: GPU-1a is sick (its memory.total reads ERR!)', seen({ devices: [device('GPU-1a', SICK)] })],
    ['1 of 1 devices cannot be used: GPU-1a is lost (gone)', seen({ devices: [device('GPU-1a', { health: 'lost', why: 'gone' })], installed: false })],
  ])('fails with %s', (sentence, inventory) => {
    expect(() => checkGpus(inventory)).toThrow(sentence);
  });
});
