import { readFileSync } from 'node:fs';
import { errorCodeReference } from './error-code-reference.js';

it('stands in docs/protocol.md as it is here; npm run reference brings it there', () => {
  const docs = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8');
  expect(docs).toContain(errorCodeReference().join('\n'));
});
