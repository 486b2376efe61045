/** A part of a card in MIG mode; what a container is given in place of the card. */
export interface MigInstance {
  uuid: string;
  /** Such as `3g.20gb`: compute slices, and memory. */
  profile: string;
  sizeBytes: number;
}

const GIB = 1024 ** 3;
const CARD_LINE = /^GPU \d+: .* \(UUID: (GPU-[A-Za-z0-9-]+)\)$/;

/** The uuid has slashes on drivers before 470: `MIG-GPU-…/1/0`. */
const INSTANCE_LINE = /^\s+MIG ((?:(\d+)c\.)?(\d+)g\.(\d+)gb\S*)\s+Device\s+\d+: \(UUID: (MIG-[A-Za-z0-9/-]+)\)$/;

/**
 * Reads `nvidia-smi -L`: card → its MIG instances, for every card that is listed. Pure.
 *
 * An instance's memory is what its profile is called by; the driver keeps up to half a GiB of that to itself. Where
 * instances divide the compute of one memory (`1c.3g.20gb`) each counts with its share of it, so that together they
 * are never given more than there is.
 */
export function parseNvidiaSmiList(output: string): ReadonlyMap<string, readonly MigInstance[]> {
  const cards = new Map<string, MigInstance[]>();
  let instances: MigInstance[] | undefined;
  for (const line of output.split('\n')) {
    const card = CARD_LINE.exec(line.trimEnd())?.[1];
    if (card !== undefined) {
      instances = [];
      cards.set(card, instances);
    }
    const [, profile, compute, slices, gigabytes, uuid] = INSTANCE_LINE.exec(line.trimEnd()) ?? [];
    if (profile === undefined || uuid === undefined) continue;
    const share = compute === undefined ? 1 : Number(compute) / Number(slices);
    instances?.push({ uuid, profile, sizeBytes: Math.floor(Number(gigabytes) * GIB * share) });
  }
  return cards;
}
