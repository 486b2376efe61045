// @ts-check
import { expect, test } from '@jest/globals';
import { planInstall } from './install.plan.mjs';

const root = { isRoot: true, mayInstall: true };

test('root on Debian: lists, then the package without what is only recommended', () => {
  const plan = planInstall('redis-server', { ...root, manager: 'apt-get' });
  expect(plan).toMatchObject({ kind: 'install', packages: ['redis-server'] });
  expect(plan.kind === 'install' && plan.commands.map((command) => command.at(-1))).toEqual(['update', 'redis-server']);
  expect(plan.kind === 'install' && plan.commands[1]).toContain('--no-install-recommends');
});

test.each(/** @type {const} */ ([
  ['apt-get', 'dockerd', 'docker.io ca-certificates apparmor'],
  ['dnf', 'dockerd', 'moby-engine'],
  ['apk', 'dockerd', 'docker'],
  ['dnf', 'redis-server', 'redis'],
  ['apk', 'redis-server', 'redis'],
]))('%s: %s comes with %s', (manager, program, name) => {
  expect(planInstall(program, { ...root, manager })).toMatchObject({ kind: 'install', packages: name.split(' ') });
});

test('who may not install is told the exact command', () => {
  expect(planInstall('redis-server', { manager: 'apt-get', isRoot: false, mayInstall: true })).toEqual({
    kind: 'tell',
    why: 'redis-server is not installed, and only root can install it',
    mend: 'Run: sudo apt-get update && sudo apt-get install --yes --no-install-recommends redis-server',
  });
  expect(planInstall('dockerd', { manager: 'apk', isRoot: true, mayInstall: false })).toEqual({
    kind: 'tell',
    why: 'dockerd is not installed, and FUNCTION_RUNNER_NO_INSTALL=1 forbids installing',
    mend: 'Run: apk add --no-cache docker',
  });
});

test('without a package manager', () => {
  expect(planInstall('redis-server', { ...root, manager: undefined })).toMatchObject({ kind: 'tell', mend: 'Install redis-server by hand so that it is on the PATH.' });
});
