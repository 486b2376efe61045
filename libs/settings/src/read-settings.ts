import type { Problem } from '@function-runner/class-schema';
import type { Setting } from './setting.js';

/** Settings by the names that the code uses. */
export type SettingTable = Readonly<Record<string, Setting<unknown>>>;
export type SettingValues<T extends SettingTable> = { readonly [K in keyof T]: T[K] extends Setting<infer V> ? V : never };

/** Raised when the environment is wrong; names every variable that is, not only the first. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
  constructor(readonly problems: readonly Problem[]) {
    super(problems.map(({ path, message, value }) => `${path} ${message}${value === undefined ? '' : `, not "${value}"`}`).join('\n'));
  }
}

/**
 * Reads a table of settings from an environment.
 * @throws SettingsError naming each variable that is missing or wrong, and what would be right.
 */
export function readSettings<T extends SettingTable>(table: T, environment: Readonly<Record<string, string | undefined>>): SettingValues<T> {
  const problems: Problem[] = [];
  const values: Record<string, unknown> = {};
  for (const [key, { name, fallback, parse, secret }] of Object.entries(table)) {
    const given = environment[name];
    const text = given === undefined || given === '' ? fallback : given;
    if (text === undefined) {
      problems.push({ path: name, message: 'must be set' });
      continue;
    }
    const parsed = parse(text.trim());
    if (parsed.ok) values[key] = parsed.value;
    else problems.push({ path: name, message: `must be ${parsed.expected}`, ...(secret === true ? {} : { value: text }) });
  }
  if (problems.length > 0) throw new SettingsError(problems);
  return values as SettingValues<T>;
}
