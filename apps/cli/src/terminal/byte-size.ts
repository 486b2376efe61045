const UNITS = ['KiB', 'MiB', 'GiB', 'TiB'];

/** Bytes for a person: `512 B`, `12.4 MiB`. */
export function byteSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const exponent = Math.min(Math.floor(Math.log2(bytes) / 10), UNITS.length);
  return `${(bytes / 1024 ** exponent).toFixed(1)} ${UNITS[exponent - 1] ?? ''}`;
}
