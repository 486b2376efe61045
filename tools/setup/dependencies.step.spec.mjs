// @ts-check
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkNode, dependencyState, installedMatchesLock, lockHash, nodeIsNewEnough, npmCommand, npmErrors, npmMend } from './dependencies.step.mjs';

test.each([
  ['20.18.3', false],
  ['20.19.0', true],
  ['22.0.0', true],
  ['18.20.0', false],
])('node %s is new enough: %s', (version, enough) => {
  expect(nodeIsNewEnough(version)).toBe(enough);
});

test('an old node and Windows are refused with the mend', () => {
  expect(() => checkNode('18.1.0')).toThrow('Node 18.1.0 is too old');
  expect(() => checkNode('22.1.0', 'win32')).toThrow('Windows');
});

describe('installedMatchesLock', () => {
  const lock = { packages: { '': {}, 'libs/a': { version: '1' }, 'node_modules/a': { link: true }, 'node_modules/b': { version: '2' }, 'node_modules/mac': { version: '3', optional: true } } };
  const asInstalled = { packages: { 'libs/a': { version: '1' }, 'node_modules/a': { link: true }, 'node_modules/b': { version: '2' } } };
  test('other platforms\' packages may be missing', () => expect(installedMatchesLock(lock, asInstalled)).toBe(true));
  test('another version', () => expect(installedMatchesLock(lock, { packages: { ...asInstalled.packages, 'node_modules/b': { version: '1' } } })).toBe(false));
  test('one is missing', () => expect(installedMatchesLock(lock, { packages: { 'node_modules/b': { version: '2' } } })).toBe(false));
  test('one too many', () => expect(installedMatchesLock(lock, { packages: { ...asInstalled.packages, 'node_modules/c': { version: '1' } } })).toBe(false));
  test('nothing', () => expect(installedMatchesLock({}, {})).toBe(false));
});

describe('dependencyState', () => {
  /** @type {string} */
  let root;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'fr-deps-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  test('from no lock to up to date, and back when the lock changes', () => {
    expect(dependencyState(root)).toBe('no-lock');
    const lock = JSON.stringify({ packages: { 'node_modules/b': { version: '2' } } });
    writeFileSync(join(root, 'package-lock.json'), lock);
    expect(dependencyState(root)).toBe('missing');
    mkdirSync(join(root, 'node_modules'));
    writeFileSync(join(root, 'node_modules', '.package-lock.json'), lock);
    expect(dependencyState(root)).toBe('unstamped');
    writeFileSync(join(root, 'node_modules', '.function-runner-lock-hash'), lockHash(lock));
    expect(dependencyState(root)).toBe('current');
    writeFileSync(join(root, 'package-lock.json'), lock.replace('2', '3'));
    expect(dependencyState(root)).toBe('outdated');
  });
});

test('npm is the one that runs us, else the one on the PATH', () => {
  expect(npmCommand({ npm_execpath: '/x/npm-cli.js' })).toEqual({ program: process.execPath, first: ['/x/npm-cli.js'] });
  expect(npmCommand({ npm_execpath: '/x/yarn.js' })).toEqual({ program: 'npm', first: [] });
});

test('the reason of npm comes first, its help after', () => {
  const output = `npm warn x\nnpm error code EUSAGE\n${'npm error help\n'.repeat(20)}`;
  expect(npmErrors(output).split('\n')).toHaveLength(8);
  expect(npmErrors(output)).toMatch(/^npm error code EUSAGE/);
  expect(npmMend('`npm ci` can only install packages when your package.json and package-lock.json are in sync')).toContain('npm run lock');
});
