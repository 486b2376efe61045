// @ts-check
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { repositoryRoot } from '../setup/runner-paths.mjs';
import { readTraceFile } from './read-trace.mjs';
import { runTrace } from './run-trace.mjs';
import { documentedResults, withResults } from './scheduling-docs.mjs';
import { POLICIES } from './simulation-policies.mjs';
import { markdownRows } from './simulation-report.mjs';

describe('docs/scheduling.md', () => {
  const results = documentedResults().split('\n');

  // To the digit: another machine must find the same. After a change to placement: npm run simulate -- --write-docs.
  test.each([['one-box'], ['small-studio'], ['night-batch'], ['big-and-small']])('says of %s what a run finds', (name) => {
    const { figures, comparison, tiers } = markdownRows(runTrace(readTraceFile(`${repositoryRoot}/examples/traces/${name}.json`), POLICIES));
    const first = results.indexOf(figures[0] ?? '');
    expect(results.slice(first, first + figures.length)).toEqual(figures);
    expect(results).toEqual(expect.arrayContaining([comparison, tiers]));
  });

  test('has every shipped trace, and its README too', () => {
    const readme = readFileSync(`${repositoryRoot}/examples/traces/README.md`, 'utf8');
    for (const name of ['one-box', 'small-studio', 'night-batch', 'big-and-small', 'farm-64', 'steady-10k']) {
      expect(results.filter((line) => line.startsWith(`| ${name} |`))).toHaveLength(3);
      expect(readme).toContain(`\`${name}.json\``);
    }
  });
});

describe('withResults', () => {
  test('replaces what stands between the marks, whatever is in it', () => {
    expect(withResults('a\n<!-- results -->\nold\n<!-- /results -->\nb', ['$1', '| $& |'])).toBe('a\n<!-- results -->\n$1\n| $& |\n<!-- /results -->\nb');
  });

  test('refuses a page without marks', () => expect(() => withResults('a', [])).toThrow(/results/));
});
