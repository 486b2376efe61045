// @ts-check
// The table of docs/reliability.md that names a test for each fault. Pure.

/**
 * @typedef {{ spec: string, title: string }} NamedTest `spec`: its path in the repository
 * @typedef {{ section: string, fault: string, outcome: string, tests: NamedTest[] }} FaultRow
 */

const TABLES = /<!-- faults -->\n([^]*)\n<!-- \/faults -->/;
/** `[name](../path) “group › title”`, as often as there are tests. */
const TEST = /\[[^\]]+\]\(\.\.\/([^)]+)\) “([^”]+)”/g;

/**
 * @param {string} page
 * @returns {FaultRow[]} in the page's order
 */
export function readFaultTable(page) {
  const [, tables] = TABLES.exec(page) ?? [];
  if (tables === undefined) throw new Error('the page has no table of faults between <!-- faults --> and <!-- /faults -->');
  let section = '';
  /** @type {FaultRow[]} */
  const rows = [];
  for (const line of tables.split('\n')) {
    const [, heading] = /^### (.+)$/.exec(line) ?? [];
    if (heading !== undefined) section = heading;
    else if (/^\| (?!fault \|)/.test(line)) {
      const [fault = '', outcome = '', named = ''] = line.slice(1, -1).split('|').map((cell) => cell.trim());
      rows.push({ section, fault, outcome, tests: [...named.matchAll(TEST)].map(([, spec = '', title = '']) => ({ spec, title })) });
    }
  }
  return rows;
}
