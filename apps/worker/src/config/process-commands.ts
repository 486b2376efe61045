import type { Parsed } from '@function-runner/settings';

/** Image reference → the command line that stands in for the image's entrypoint. */
export type ProcessCommands = Readonly<Record<string, readonly string[]>>;

/** Reads `PROCESS_COMMANDS`. */
export function parseProcessCommands(text: string): Parsed<ProcessCommands> {
  const expected = 'a JSON object of image → list of words, such as {"me/upscale:1": ["node", "/home/me/main.js"]}';
  try {
    const plain: unknown = JSON.parse(text);
    if (typeof plain !== 'object' || plain === null || Array.isArray(plain)) return { ok: false, expected };
    const valid = Object.values(plain).every((words: unknown) => Array.isArray(words) && words.length > 0 && words.every((word) => typeof word === 'string'));
    return valid ? { ok: true, value: plain as ProcessCommands } : { ok: false, expected };
  } catch {
    return { ok: false, expected };
  }
}
