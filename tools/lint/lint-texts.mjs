// @ts-check
// Lints texts as if they stood in the files named: JSON `[{"file", "text"}]` on stdin, an array of the rules broken by each
// on stdout. A program of its own, so that ESLint runs in plain Node and not in a test runner's module registry.
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { ESLint } from 'eslint';
import { createProjectGraphAsync } from 'nx/src/devkit-exports.js';

// Without a graph on disk @nx/enforce-module-boundaries is skipped.
await createProjectGraphAsync({ exitOnError: true });

const eslint = new ESLint({ cwd: fileURLToPath(new URL('../..', import.meta.url)) });
const broken = [];
for (const { file, text: planted } of JSON.parse(await text(process.stdin))) {
  const results = await eslint.lintText(planted, { filePath: file });
  broken.push(results.flatMap(({ messages }) => messages.map(({ ruleId, message }) => ruleId ?? message)));
}
process.stdout.write(JSON.stringify(broken), () => process.exit());
