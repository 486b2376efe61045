// @ts-check
// Sums the results of many jest runs from the output that nx passes on (or replays from its cache).

/** Colours of jest and nx. */
// eslint-disable-next-line no-control-regex -- escape sequences begin with a control character
const ANSI = /\u001b\[[0-9;]*[A-Za-z]/g;

/**
 * The numbers of one line like `Tests:       1 failed, 2 skipped, 30 passed, 33 total`, whatever nx put before it.
 * @param {string} line
 * @returns {{ passed: number, failed: number } | undefined}
 */
export function testsLine(line) {
  const [, counts] = /(?:^|\s)Tests:\s+((?:\d+ [a-z]+, )*\d+ total)\s*$/.exec(line.replace(ANSI, '')) ?? [];
  if (counts === undefined) return undefined;
  const count = (/** @type {string} */ kind) => Number(new RegExp(`(\\d+) ${kind}`).exec(counts)?.[1] ?? 0);
  return { passed: count('passed'), failed: count('failed') };
}

/** Takes text as it comes, in pieces that end anywhere. */
export function createTestCount() {
  let open = '';
  const sum = { passed: 0, failed: 0 };
  /** @param {string} line */
  const add = (line) => {
    const found = testsLine(line);
    sum.passed += found?.passed ?? 0;
    sum.failed += found?.failed ?? 0;
  };
  return {
    /** @param {string} text */
    take(text) {
      const lines = (open + text).split('\n');
      open = lines.pop() ?? '';
      lines.forEach(add);
    },
    /**
     * @param {number} exitCode a run that failed without a failed test (it did not compile, say) counts as one failure
     */
    end(exitCode) {
      add(open);
      open = '';
      if (exitCode !== 0 && sum.failed === 0) sum.failed = 1;
      return { ...sum };
    },
  };
}

/** @param {readonly { passed: number, failed: number }[]} results */
export function closingLine(results) {
  const total = (/** @type {'passed' | 'failed'} */ kind) => results.reduce((sum, result) => sum + result[kind], 0);
  return `${total('passed')} passed, ${total('failed')} failed`;
}
