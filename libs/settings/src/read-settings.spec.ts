import { describe, expect, test } from '@jest/globals';
import { SettingsError, readSettings } from './read-settings.js';
import { setting } from './setting.js';

const table = {
  concurrency: setting.integer('WORKER_CONCURRENCY', 2, { min: 1, max: 64 }, ''),
  drain: setting.duration('DRAIN_TIMEOUT', '30s', ''),
  redis: setting.text('REDIS_URL', undefined, ''),
  secret: setting.custom('JWT_SECRET', '0123456789', { meaning: '', secret: true }, (text) => (text.length >= 8 ? { ok: true, value: text } : { ok: false, expected: 'at least 8 characters' })),
};
const right = { REDIS_URL: 'redis://localhost' };

function problemsOf(environment: Record<string, string>): string[] {
  try {
    readSettings(table, environment);
    return [];
  } catch (error) {
    if (error instanceof SettingsError) return error.message.split('\n');
    throw error;
  }
}

describe('readSettings', () => {
  test('reads what is set and takes the defaults for the rest; empty counts as unset', () => {
    expect(readSettings(table, { ...right, WORKER_CONCURRENCY: ' 8 ', DRAIN_TIMEOUT: '', OTHER: 'x' })).toEqual({ concurrency: 8, drain: 30_000, redis: 'redis://localhost', secret: '0123456789' });
  });

  test.each<[Record<string, string>, string[]]>([
    [{ ...right, WORKER_CONCURRENCY: 'many' }, ['WORKER_CONCURRENCY must be a whole number from 1 to 64, not "many"']],
    [{ ...right, DRAIN_TIMEOUT: '30' }, ['DRAIN_TIMEOUT must be a number with its unit: ms, s, m, h or d, such as 30s, not "30"']],
    [{}, ['REDIS_URL must be set']],
    [{ WORKER_CONCURRENCY: '0', DRAIN_TIMEOUT: 'x' }, ['WORKER_CONCURRENCY must be a whole number from 1 to 64, not "0"', 'DRAIN_TIMEOUT must be a number with its unit: ms, s, m, h or d, such as 30s, not "x"', 'REDIS_URL must be set']],
  ])('names each variable and its value: %j', (environment, lines) => {
    expect(problemsOf(environment)).toEqual(lines);
  });

  test('never shows a secret', () => {
    expect(problemsOf({ ...right, JWT_SECRET: 'hunter2' })).toEqual(['JWT_SECRET must be at least 8 characters']);
  });
});
