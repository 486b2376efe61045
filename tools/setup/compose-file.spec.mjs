// @ts-check
import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { stopGrace } from './apps.step.mjs';
import { runCommand } from './command.mjs';
import { repositoryRoot } from './runner-paths.mjs';

// Nx's own YAML parser: a parser for one spec is not worth a dependency.
const require = createRequire(createRequire(import.meta.url).resolve('nx/package.json'));
/** @type {{ parse(text: string, options: { merge: boolean }): any }} */
const yaml = require('yaml');

const read = (/** @type {string} */ file) => readFileSync(join(repositoryRoot, file), 'utf8');
const text = read('docker/compose.yaml');
const compose = yaml.parse(text, { merge: true });
/** Names of an env file, with their values; those of lines that are commented out too. */
const example = new Map([...read('docker/env.example').matchAll(/^(?:# )?([A-Z_]+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]));

/** Of https://github.com/compose-spec/compose-spec/blob/main/05-services.md, what this file uses. */
const SERVICE_KEYS = [
  'cap_drop', 'command', 'depends_on', 'env_file', 'environment', 'group_add', 'healthcheck', 'image', 'network_mode', 'ports', 'pull_policy', 'read_only', 'restart', 'security_opt',
  'stop_grace_period', 'tmpfs', 'user', 'volumes',
];

describe('docker/compose.yaml', () => {
  test('says only what Compose knows', () => {
    expect(Object.keys(compose).sort()).toEqual(['name', 'services', 'volumes', 'x-app']);
    expect(Object.keys(compose.services)).toEqual(['redis', 'api', 'worker']);
    for (const service of Object.values(compose.services)) expect(Object.keys(service).filter((key) => !SERVICE_KEYS.includes(key))).toEqual([]);
  });

  test('Redis keeps its data, evicts nothing and is nobody else’s', () => {
    const { command, ports, volumes } = compose.services.redis;
    expect(command).toEqual(['redis-server', '--appendonly', 'yes', '--maxmemory-policy', 'noeviction']);
    expect(ports).toEqual(['127.0.0.1:${REDIS_PORT:-6379}:6379']);
    expect(Object.keys(compose.volumes)).toEqual(volumes.map((/** @type {string} */ volume) => volume.split(':')[0]));
  });

  test.each(['api', 'worker'])('%s runs our image on the host’s network, hardened, and has the time to drain', (name) => {
    const service = compose.services[name];
    expect(service).toMatchObject({
      image: '${APP_IMAGE:-function-runner/app:latest}', command: [`apps/${name}/dist/main.js`], network_mode: 'host', restart: 'unless-stopped', read_only: true, cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'], depends_on: { redis: { condition: 'service_healthy' } }, env_file: '.env',
      environment: { REDIS_URL: 'redis://127.0.0.1:${REDIS_PORT:-6379}', WORKSPACE_ROOT: '/workspace' },
    });
    const grace = Number(/^(\d+)s$/.exec(service.stop_grace_period)?.[1]) * 1000;
    for (const drain of [undefined, example.get('DRAIN_TIMEOUT')]) expect(grace).toBeGreaterThan(stopGrace(drain));
  });

  test('only the worker has the engine’s socket, and only it may write the workspace', () => {
    const mounts = (/** @type {string} */ name) => compose.services[name].volumes.map((/** @type {any} */ { type, target, read_only }) => [type, target, Boolean(read_only)]);
    expect(mounts('api')).toEqual([['bind', '/workspace', true]]);
    expect(mounts('worker')).toEqual([['bind', '/workspace', false], ['bind', '/var/run/docker.sock', false]]);
  });

  test('every variable is in env.example, and env.example names nothing that is not documented', () => {
    const wanted = [...new Set([...text.matchAll(/\$\{([A-Z_]+)/g)].map(([, name]) => name))].filter((name) => name !== 'APP_IMAGE');
    expect(wanted.filter((name) => !example.has(name ?? ''))).toEqual([]);
    const documented = read('docs/configuration.md');
    const ownOfCompose = ['RUNNER_USER', 'DOCKER_GID', 'REDIS_PORT'];
    expect([...example.keys()].filter((name) => !ownOfCompose.includes(name) && !documented.includes(`| \`${name}\` |`))).toEqual([]);
  });

  test('is taken by Compose itself, where that is installed', async () => {
    const args = ['compose', '-f', join(repositoryRoot, 'docker', 'compose.yaml'), '--env-file', join(repositoryRoot, 'docker', 'env.example')];
    const { code: installed } = await runCommand('docker', ['compose', 'version']);
    // Not part of the Docker that Debian ships; what the file says is checked above and by apps/e2e/src/app-image.e2e.spec.ts.
    if (installed !== 0) return;
    const { code, output } = await runCommand('docker', [...args, 'config', '--quiet', '--no-env-resolution']);
    expect({ code, output }).toMatchObject({ code: 0 });
  });
});
