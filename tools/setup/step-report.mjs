// @ts-check
import { messageOf, SetupError } from './setup-error.mjs';

/**
 * @typedef {'ok' | 'warn' | 'fail' | 'busy'} Mark
 * @typedef {{ color: boolean, unicode: boolean }} Look
 * @typedef {{ isTTY?: boolean, columns?: number, write(text: string): unknown }} Output
 */

const NAME_WIDTH = 16;
const DETAIL_WIDTH = 72;
/** @type {Record<Mark, { unicode: string, ascii: string, color: string }>} */
const MARKS = {
  ok: { unicode: '✓', ascii: 'ok  ', color: '32' },
  warn: { unicode: '!', ascii: 'warn', color: '33' },
  fail: { unicode: '✗', ascii: 'FAIL', color: '31' },
  busy: { unicode: '·', ascii: '... ', color: '2' },
};

/** @param {number} ms */
export const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

/**
 * One line of the report; the time is left out where there is none to tell.
 * @param {{ mark: Mark, name: string, detail: string, ms?: number }} line
 * @param {Look} look
 */
export function stepLine({ mark, name, detail, ms }, look) {
  const sign = look.unicode ? MARKS[mark].unicode : MARKS[mark].ascii;
  const painted = look.color ? `\u001b[${MARKS[mark].color}m${sign}\u001b[0m` : sign;
  const text = `${painted} ${name.padEnd(NAME_WIDTH)} `;
  return ms === undefined ? text + detail : `${text}${detail.padEnd(DETAIL_WIDTH)} ${seconds(ms).padStart(7)}`;
}

/**
 * Colours and signs only for a terminal that wants them (https://no-color.org).
 * @param {Output} output
 * @param {Readonly<Record<string, string | undefined>>} env
 * @returns {Look}
 */
export function lookOf(output, env) {
  const rich = Boolean(output.isTTY) && !env.NO_COLOR && env.TERM !== 'dumb';
  return { color: rich, unicode: rich };
}

/**
 * What is printed when the program ends with a failure.
 * @param {unknown} error
 * @param {Look} look
 */
export function failureText(error, look) {
  const name = 'Failed';
  if (!(error instanceof SetupError)) {
    return `${stepLine({ mark: 'fail', name, detail: error instanceof Error ? (error.stack ?? error.message) : messageOf(error) }, look)}\n`;
  }
  const lines = [stepLine({ mark: 'fail', name, detail: error.message }, look)];
  const indent = ' '.repeat((look.unicode ? 1 : 4) + NAME_WIDTH + 2);
  if (error.detail) lines.push(...error.detail.trimEnd().split('\n').map((line) => `${indent}| ${line}`));
  lines.push(`${indent}${error.mend}`);
  return `${lines.join('\n')}\n`;
}

/**
 * Prints each step with what it did and how long it took. Results go to `output`, warnings to `errors`.
 * @param {{ output: Output, errors: Output, env: Readonly<Record<string, string | undefined>>, now?: () => number }} options
 */
export function createStepReport({ output, errors, env, now = () => performance.now() }) {
  const look = lookOf(output, env);
  /** Whether the last line is a "busy" one that the next line may replace. */
  let open = false;

  /** @param {string} text */
  function line(text) {
    output.write(`${open ? '\r\u001b[K' : ''}${text}\n`);
    open = false;
  }

  return {
    look,
    line,
    /** @param {string} text */
    loud(text) {
      if (open) line('');
      const errorLook = lookOf(errors, env);
      errors.write(`${errorLook.color ? `\u001b[1;33m${text}\u001b[0m` : text}\n`);
    },
    /** @param {unknown} error */
    failure(error) {
      if (open) line('');
      errors.write(failureText(error, lookOf(errors, env)));
    },
    /**
     * @template {{ detail: string, mark?: Mark }} T
     * @param {string} name
     * @param {(say: (detail: string) => void) => Promise<T> | T} work `say` announces what takes long
     * @returns {Promise<T>}
     */
    async step(name, work) {
      const begun = now();
      const say = (/** @type {string} */ detail) => {
        const text = stepLine({ mark: 'busy', name, detail }, look);
        if (!output.isTTY) return line(text);
        // A line that wraps could not be replaced.
        output.write(`${open ? '\r\u001b[K' : ''}${look.color ? text : text.slice(0, (output.columns ?? 80) - 1)}`);
        open = true;
      };
      const result = await work(say);
      line(stepLine({ mark: result.mark ?? 'ok', name, detail: result.detail, ms: now() - begun }, look));
      return result;
    },
  };
}

/** @typedef {ReturnType<typeof createStepReport>} StepReport */
