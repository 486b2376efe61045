import { readFileSync } from 'node:fs';
import { settingsReference, TIER_SETTINGS } from '@function-runner/settings';
import { WORKER_SETTINGS } from './worker-settings.js';

describe('docs/configuration.md', () => {
  const docs = readFileSync(new URL('../../../../docs/configuration.md', import.meta.url), 'utf8');

  it.each([...settingsReference(WORKER_SETTINGS), ...settingsReference(TIER_SETTINGS)])('holds %s', (row) => {
    expect(docs).toContain(row);
  });
});
