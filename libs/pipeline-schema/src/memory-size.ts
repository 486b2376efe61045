import { MEMORY_SIZE } from './grammar.js';

const UNIT_BYTES = { Mi: 1024 ** 2, Gi: 1024 ** 3 } as const;

/** Bytes of a size such as `512Mi` or `16Gi`. @throws RangeError for any other text. */
export function memoryBytes(size: string): number {
  if (!MEMORY_SIZE.test(size)) throw new RangeError(`"${size}" is no memory size such as 512Mi or 16Gi`);
  const unit = size.endsWith('Gi') ? 'Gi' : 'Mi';
  return Number(size.slice(0, -2)) * UNIT_BYTES[unit];
}
