// @ts-check
import ts from 'typescript';

/** What Jest calls a group, and a test. */
const GROUP = 'describe';
const TESTS = new Set(['it', 'test']);
const SEPARATOR = ' › ';

/**
 * Every test of a spec by the titles of its groups and its own, as they are written in the source, joined by ` › `. One that
 * is skipped or still to be written is none.
 * @param {string} source
 * @returns {string[]}
 */
export function testTitles(source) {
  /** @type {string[]} */
  const found = [];
  /** @param {ts.Node} node @param {readonly string[]} groups */
  const visit = (node, groups) => {
    const called = ts.isCallExpression(node) ? calledTitle(node) : undefined;
    if (called === undefined || called.skipped) {
      // Nothing below a group that is skipped is run.
      if (!called?.skipped) ts.forEachChild(node, (child) => visit(child, groups));
    } else if (called.name === GROUP) ts.forEachChild(node, (child) => visit(child, [...groups, called.title]));
    else found.push([...groups, called.title].join(SEPARATOR));
  };
  visit(ts.createSourceFile('a.spec.ts', source, ts.ScriptTarget.Latest, true), []);
  return found;
}

/**
 * @param {ts.CallExpression} call
 * @returns {{ name: string, title: string, skipped: boolean } | undefined} undefined: neither a group nor a test
 */
function calledTitle({ expression, arguments: [first] }) {
  if (first === undefined || !(ts.isStringLiteralLike(first) || ts.isTemplateExpression(first))) return undefined;
  const modifiers = [];
  let callee = /** @type {ts.Expression} */ (expression);
  // `it.each([…])('title', …)`: the table is called first, what it gives is called with the title.
  if (ts.isCallExpression(callee)) callee = callee.expression;
  for (; ts.isPropertyAccessExpression(callee); callee = callee.expression) modifiers.push(callee.name.text);
  if (!ts.isIdentifier(callee)) return undefined;
  const name = groupOrTest(callee.text);
  if (name === undefined) return undefined;
  return { name, title: ts.isTemplateExpression(first) ? first.getText(first.getSourceFile()).slice(1, -1) : first.text, skipped: modifiers.some((modifier) => ['skip', 'todo', 'failing'].includes(modifier)) };
}

/**
 * A group may have a name of its own where it is only for some machines (`describeAsRoot`).
 * @param {string} word
 */
function groupOrTest(word) {
  if (TESTS.has(word)) return word;
  return word.startsWith(GROUP) ? GROUP : undefined;
}
