/** A value read, or what would be right instead, as the end of the sentence "must be …". */
export type Parsed<T> = { ok: true; value: T } | { ok: false; expected: string };

/** One environment variable: its name, default, meaning, and how its text becomes a value. */
export interface Setting<T> {
  name: string;
  /** Text used when the variable is unset or empty; undefined makes it required. */
  fallback: string | undefined;
  /** For the configuration reference: meaning, unit, allowed values. */
  meaning: string;
  /** Keeps the value out of logs. */
  secret?: boolean;
  parse: (text: string) => Parsed<T>;
}

type Description = Pick<Setting<unknown>, 'meaning'> & { secret?: boolean };

const DURATION_UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** The kinds of settings. */
export const setting = {
  text: (name: string, fallback: string | undefined, meaning: string): Setting<string> => ({ name, fallback, meaning, parse: (text) => ({ ok: true, value: text }) }),

  optionalText: (name: string, meaning: string): Setting<string | undefined> => ({
    name, fallback: '', meaning, parse: (text) => ({ ok: true, value: text === '' ? undefined : text }),
  }),

  integer: (name: string, fallback: number, range: { min: number; max: number }, meaning: string): Setting<number> => ({
    name, fallback: String(fallback), meaning,
    parse: (text) => {
      const value = Number(text);
      return /^-?\d+$/.test(text) && value >= range.min && value <= range.max
        ? { ok: true, value }
        : { ok: false, expected: `a whole number from ${range.min} to ${range.max}` };
    },
  }),

  number: (name: string, fallback: number, range: { min: number; max: number }, meaning: string): Setting<number> => ({
    name, fallback: String(fallback), meaning,
    parse: (text) => {
      const value = Number(text);
      return /^\d+(\.\d+)?$/.test(text) && value >= range.min && value <= range.max
        ? { ok: true, value }
        : { ok: false, expected: `a number from ${range.min} to ${range.max}` };
    },
  }),

  /** A setting that may be left out: undefined then. */
  optional: <T>(of: Setting<T>): Setting<T | undefined> => ({ ...of, fallback: '', parse: (text) => (text === '' ? { ok: true, value: undefined } : of.parse(text)) }),

  /** Milliseconds of a text such as `500ms`, `30s`, `10m`, `24h`. */
  duration: (name: string, fallback: string, meaning: string): Setting<number> => ({
    name, fallback, meaning,
    parse: (text) => {
      const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text);
      const unit = match?.[2] as keyof typeof DURATION_UNIT_MS | undefined;
      return match && unit
        ? { ok: true, value: Number(match[1]) * DURATION_UNIT_MS[unit] }
        : { ok: false, expected: 'a number with its unit: ms, s, m, h or d, such as 30s' };
    },
  }),

  /** Bytes of a text such as `512Mi`, `2Gi`. */
  bytes: (name: string, fallback: string, meaning: string): Setting<number> => ({
    name, fallback, meaning,
    parse: (text) => {
      const match = /^(\d{1,6})(Ki|Mi|Gi|Ti)$/.exec(text);
      const exponent = ['Ki', 'Mi', 'Gi', 'Ti'].indexOf(match?.[2] ?? '') + 1;
      return match && exponent > 0
        ? { ok: true, value: Number(match[1]) * 1024 ** exponent }
        : { ok: false, expected: 'a size such as 512Mi or 2Gi' };
    },
  }),

  choice: <const T extends string>(name: string, choices: readonly T[], fallback: T, meaning: string): Setting<T> => ({
    name, fallback, meaning,
    parse: (text) => {
      const value = choices.find((choice) => choice === text);
      return value === undefined ? { ok: false, expected: `one of ${choices.join(', ')}` } : { ok: true, value };
    },
  }),

  custom: <T>(name: string, fallback: string | undefined, description: Description, parse: (text: string) => Parsed<T>): Setting<T> => ({
    name, fallback, ...description, parse,
  }),
};
