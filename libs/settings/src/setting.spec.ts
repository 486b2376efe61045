import { describe, expect, test } from '@jest/globals';
import { setting, type Parsed, type Setting } from './setting.js';

const concurrency = setting.integer('N', 4, { min: 1, max: 64 }, '');
const timeout = setting.duration('T', '30s', '');
const limit = setting.bytes('B', '1Gi', '');
const level = setting.choice('L', ['info', 'debug'], 'info', '');

describe('the kinds of settings', () => {
  test.each<[Setting<unknown>, string, unknown]>([
    [concurrency, '1', 1], [concurrency, '64', 64], [concurrency, '007', 7],
    [timeout, '500ms', 500], [timeout, '30s', 30_000], [timeout, '10m', 600_000], [timeout, '24h', 86_400_000], [timeout, '2d', 172_800_000],
    [limit, '1Ki', 1024], [limit, '512Mi', 536_870_912], [limit, '2Gi', 2 ** 31], [limit, '1Ti', 2 ** 40],
    [level, 'debug', 'debug'],
    [setting.text('X', undefined, ''), 'any', 'any'], [setting.optionalText('X', ''), '', undefined], [setting.optionalText('X', ''), 'a', 'a'],
  ])('%# reads %p', (kind, text, value) => {
    expect(kind.parse(text)).toEqual({ ok: true, value });
  });

  test.each<[Setting<unknown>, string, string]>([
    ...['0', '65', '1.5', '1e1', '0x10', 'four', '-3', '٣'].map((text): [Setting<unknown>, string, string] => [concurrency, text, 'a whole number from 1 to 64']),
    ...['30', '30 s', '-1s', '1.5h', 's', '1w', '9999999999s'].map((text): [Setting<unknown>, string, string] => [timeout, text, 'a number with its unit: ms, s, m, h or d, such as 30s']),
    ...['1', '1GB', '1gi', '-1Mi', '0.5Gi'].map((text): [Setting<unknown>, string, string] => [limit, text, 'a size such as 512Mi or 2Gi']),
    ...['INFO', 'trace', 'toString'].map((text): [Setting<unknown>, string, string] => [level, text, 'one of info, debug']),
  ])('%# refuses %p', (kind, text, expected) => {
    expect(kind.parse(text)).toEqual({ ok: false, expected });
  });

  test('the defaults of every kind are right themselves', () => {
    for (const kind of [concurrency, timeout, limit, level]) expect((kind.parse(kind.fallback ?? '') as Parsed<unknown>).ok).toBe(true);
  });

  test('custom takes a parser of its own', () => {
    const even = setting.custom('E', undefined, { meaning: 'm', secret: true }, (text) => (Number(text) % 2 === 0 ? { ok: true, value: Number(text) } : { ok: false, expected: 'even' }));
    expect(even).toMatchObject({ name: 'E', fallback: undefined, meaning: 'm', secret: true });
    expect(even.parse('3')).toEqual({ ok: false, expected: 'even' });
  });
});
