import { IsNumber, IsString, Matches, MaxLength, Min } from 'class-validator';
import { describeProblems, validateClass } from '@function-runner/class-schema';
import type { Parsed } from '@function-runner/settings';

/** A GPU that the operator declares. */
export class DeclaredGpu {
  @Matches(/^[A-Za-z0-9-]{1,64}$/, { message: 'must be a device’s uuid: letters, digits and "-"' })
  uuid!: string;

  @IsString() @MaxLength(128)
  name!: string;

  @IsNumber() @Min(0)
  vram_gib!: number;
}

/** Where the knowledge of GPUs comes from. */
export type GpuInventory = { source: 'auto' } | { source: 'none' } | { source: 'declared'; devices: DeclaredGpu[] };

/** Reads `GPU_INVENTORY`. */
export function parseGpuInventory(text: string): Parsed<GpuInventory> {
  if (text === 'auto' || text === 'none') return { ok: true, value: { source: text } };
  const expected = 'auto, none, or a JSON list of {"uuid","name","vram_gib"}';
  let plain: unknown;
  try {
    plain = JSON.parse(text);
  } catch {
    return { ok: false, expected };
  }
  if (!Array.isArray(plain)) return { ok: false, expected };
  const devices: DeclaredGpu[] = [];
  for (const [index, entry] of plain.entries()) {
    const checked = validateClass(DeclaredGpu, entry);
    if (!checked.ok) return { ok: false, expected: `${expected}; ${describeProblems(checked.problems, `[${index}]`)}` };
    const { uuid } = checked.value;
    // Two leases of one device's whole memory would both be granted.
    if (devices.some((device) => device.uuid === uuid)) return { ok: false, expected: `${expected}; [${index}].uuid: ${uuid} is in the list already` };
    devices.push(checked.value);
  }
  return { ok: true, value: { source: 'declared', devices } };
}
