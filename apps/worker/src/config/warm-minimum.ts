import { PIPELINE_ID } from '@function-runner/pipeline-schema';
import type { Parsed } from '@function-runner/settings';

/** Pipeline id → how many of its containers are always kept warm. */
export type WarmMinimum = Readonly<Record<string, number>>;

/** As many as a process may keep in all (WARM_CONTAINERS). */
const MOST = 1000;

/** Reads `WARM_MINIMUM`. */
export function parseWarmMinimum(text: string): Parsed<WarmMinimum> {
  const expected = 'a JSON object of pipeline id → how many of its containers stay warm, such as {"image-upscale:1.0-low": 1}';
  let plain: unknown;
  try {
    plain = JSON.parse(text);
  } catch {
    return { ok: false, expected };
  }
  if (typeof plain !== 'object' || plain === null || Array.isArray(plain)) return { ok: false, expected };
  const wanted = new Map<string, number>();
  for (const [id, count] of Object.entries(plain)) {
    if (!PIPELINE_ID.test(id)) return { ok: false, expected: `${expected}; "${id}" is no pipeline id` };
    if (typeof count !== 'number' || !Number.isInteger(count) || count < 0 || count > MOST) return { ok: false, expected: `${expected}; ${id}: must be a whole number from 0 to ${MOST} (found ${JSON.stringify(count)})` };
    wanted.set(id, count);
  }
  return { ok: true, value: Object.fromEntries(wanted) };
}
