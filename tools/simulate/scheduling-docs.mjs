// @ts-check
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../setup/runner-paths.mjs';

export const SCHEDULING_DOCS = join(repositoryRoot, 'docs', 'scheduling.md');

const RESULTS = /(?<=<!-- results -->\n)[\s\S]*?(?=<!-- \/results -->)/;

/** What stands between the marks of the results. */
export function documentedResults() {
  const found = RESULTS.exec(readFileSync(SCHEDULING_DOCS, 'utf8'));
  if (found === null) throw new Error(`${SCHEDULING_DOCS} has no <!-- results --> ... <!-- /results -->`);
  return found[0];
}

/**
 * @param {string} text of the whole page
 * @param {readonly string[]} lines
 */
export function withResults(text, lines) {
  if (!RESULTS.test(text)) throw new Error(`${SCHEDULING_DOCS} has no <!-- results --> ... <!-- /results -->`);
  return text.replace(RESULTS, () => `${lines.join('\n')}\n`);
}
