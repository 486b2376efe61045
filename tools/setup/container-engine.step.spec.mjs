// @ts-check
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from './command.mjs';
import { engineState, ensureContainerEngine, planEngine, spawnEngine } from './container-engine.step.mjs';
import { dockerApi } from './docker-api.mjs';
import { findRecorded, isAlive } from './process-record.mjs';
import { runnerPaths } from './runner-paths.mjs';
import { createStepReport } from './step-report.mjs';
import { createStopStack } from './stop-stack.mjs';

/** @type {Parameters<typeof planEngine>[0]} */
const facts = { given: false, explicit: false, isRoot: true, mayInstall: true, local: true, accessDenied: false, dockerd: '/usr/sbin/dockerd', systemd: false, install: { kind: 'tell', why: 'dockerd is not installed', mend: 'Run: x' } };
/** @type {Parameters<typeof planEngine>[0]['install']} */
const canInstall = { kind: 'install', manager: 'apt-get', packages: ['docker.io'], commands: [] };

describe('planEngine', () => {
  test.each([
    ['root starts it', {}, { kind: 'start', how: 'spawn' }],
    ['root starts it with systemd', { systemd: true }, { kind: 'start', how: 'systemd' }],
    ['root installs it', { dockerd: undefined, install: canInstall }, { kind: 'install' }],
    ['nobody may install: without isolation', { dockerd: undefined }, { kind: 'process', mend: 'Run: x' }],
    ['docker was asked for: no silent way round', { dockerd: undefined, explicit: true }, { kind: 'fail', mend: 'Run: x' }],
    ['a user is told how to start it', { isRoot: false, systemd: true }, { kind: 'process', mend: 'Run: sudo systemctl start docker' }],
    ['a user without the right to the socket', { accessDenied: true, isRoot: false }, { kind: 'process', mend: expect.stringContaining('usermod') }],
    ['DOCKER_HOST is never replaced by something else', { given: true }, { kind: 'fail' }],
    ['a Mac', { local: false, isRoot: false }, { kind: 'process', mend: expect.stringContaining('Docker Desktop') }],
  ])('%s', (_name, more, plan) => {
    expect(planEngine({ ...facts, ...more })).toMatchObject(plan);
  });
});

describe('with a state folder', () => {
  /** @type {string} */
  let root;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'fr-engine-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  /** @param {Record<string, string | undefined>} env */
  function contextFor(env) {
    let text = '';
    const errors = { write: (/** @type {string} */ more) => void (text += more) };
    const context = { paths: runnerPaths(root), env, report: createStepReport({ output: { write: () => true }, errors, env: {} }), stops: createStopStack(), signal: new AbortController().signal };
    for (const folder of [context.paths.run, context.paths.logs]) mkdirSync(folder, { recursive: true });
    return { context, errors: () => text };
  }

  test('CONTAINER_ENGINE=process says loudly that nothing is isolated', async () => {
    const { context, errors } = contextFor({ CONTAINER_ENGINE: 'process' });
    expect(await ensureContainerEngine(context, () => undefined)).toMatchObject({ engine: 'process', mark: 'warn' });
    expect(errors()).toContain('NOTHING IS ISOLATED');
  });

  test('an engine that DOCKER_HOST names and that is not there fails with the mend', async () => {
    const { context } = contextFor({ DOCKER_HOST: `unix://${root}/none.sock` });
    await expect(ensureContainerEngine(context, () => undefined)).rejects.toMatchObject({ message: expect.stringContaining('DOCKER_HOST'), mend: expect.stringContaining('Start it or correct DOCKER_HOST') });
  });

  test('an unknown engine is named with the known ones', async () => {
    const { context } = contextFor({ CONTAINER_ENGINE: 'podman' });
    await expect(ensureContainerEngine(context, () => undefined)).rejects.toMatchObject({ mend: expect.stringContaining('docker, process, kubernetes, null') });
  });

  // Only root can start an engine; the set-up itself offers that to root alone.
  const rootOnly = process.getuid?.() === 0 && findProgram('dockerd', process.env) ? test : test.skip;
  rootOnly('an engine of our own starts, answers, and is gone when stopped', async () => {
    const { context } = contextFor(process.env);
    const socket = join(root, 'd.sock');
    const extra = ['--data-root', join(root, 'data'), '--exec-root', join(root, 'exec'), '--bridge=none', '--iptables=false'];
    const { docker, pid } = await spawnEngine({ ...context, dockerd: findProgram('dockerd', process.env) ?? '', socket, extra });
    expect(await docker.runningContainers()).toEqual([]);
    expect(findRecorded(context.paths.run, 'dockerd')).toMatchObject({ pid, note: socket });
    // Whoever finds the engine meanwhile sees that its starter still runs, and leaves it alone.
    expect(findRecorded(context.paths.run, 'dockerd-owner')).toMatchObject({ pid: process.pid });
    await context.stops.stopAll(() => undefined);
    expect(isAlive(pid)).toBe(false);
    expect(await engineState(dockerApi({ kind: 'socket', path: socket }))).toBe('silent');
    expect(findRecorded(context.paths.run, 'dockerd')).toBeUndefined();
    expect(findRecorded(context.paths.run, 'dockerd-owner')).toBeUndefined();
  });
});
