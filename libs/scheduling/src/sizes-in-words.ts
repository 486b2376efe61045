const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

/** Bytes as people say them, such as `24 GiB`. */
export function bytesInWords(bytes: number): string {
  return bytes >= GIB ? `${rounded(bytes / GIB)} GiB` : `${rounded(bytes / MIB)} MiB`;
}

/** Thousandths of a core as people say them, such as `2 cores`. */
export function coresInWords(millis: number): string {
  return millis === 1000 ? '1 core' : `${rounded(millis / 1000)} cores`;
}

/** At most one decimal. */
function rounded(value: number): string {
  return String(Math.round(value * 10) / 10);
}
