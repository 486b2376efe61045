import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { CLIENT_REQUESTS, SERVER_EVENTS } from './socket-events.js';

describe('docs/protocol.md', () => {
  const docs = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8');

  it.each([...CLIENT_REQUESTS, ...SERVER_EVENTS])('has a row for %s', (name) => {
    expect(docs.split('\n').filter((line) => line.startsWith('| `') && line.split(' | ')[0]?.includes(`\`${name}\``))).toHaveLength(1);
  });
});
