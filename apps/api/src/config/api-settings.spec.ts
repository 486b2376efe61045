import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { settingsReference } from '@function-runner/settings';
import { API_SETTINGS } from './api-settings.js';

describe('docs/configuration.md', () => {
  const docs = readFileSync(new URL('../../../../docs/configuration.md', import.meta.url), 'utf8');

  it.each(settingsReference(API_SETTINGS))('holds %s', (row) => {
    expect(docs).toContain(row);
  });
});
