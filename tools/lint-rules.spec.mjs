// @ts-check
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * A text, the file of the tree that it is linted as (nothing is written there), and the rule that must find it; no rule
 * where it must pass.
 * @typedef {{ what: string, file: string, text: string, rule?: string }} Planted
 */

const IMPORTS = '@typescript-eslint/no-restricted-imports';
const BOUNDARIES = '@nx/enforce-module-boundaries';
const ENVIRONMENT = 'no-restricted-syntax';
const NAMES = 'runner/plain-names';

const contract = 'libs/task-contract/src/queue.ts';
const store = 'libs/task-store/src/task-store.ts';
const command = 'apps/cli/src/run-cli.ts';
const api = 'apps/api/src/main.ts';
const worker = 'apps/worker/src/main.ts';
const dockerAdapter = 'apps/worker/src/container/docker-daemon.adapter.ts';

/** @param {string} name */
const load = (name) => `import '${name}';\n`;

/** @type {Planted[]} */
const planted = [
  { what: 'any', file: contract, text: 'export const a: any = 1;\n', rule: '@typescript-eslint/no-explicit-any' },
  { what: 'a non-null assertion', file: contract, text: 'export const f = (x?: string): string => x!;\n', rule: '@typescript-eslint/no-non-null-assertion' },
  { what: 'a floating promise', file: contract, text: 'export function f(g: () => Promise<void>): void { g(); }\n', rule: '@typescript-eslint/no-floating-promises' },
  { what: 'an unused variable', file: contract, text: 'const a = 1;\n', rule: '@typescript-eslint/no-unused-vars' },
  { what: 'an error swallowed', file: contract, text: 'try { JSON.parse(""); } catch {}\n', rule: 'no-empty' },
  { what: 'a state forgotten in a switch', file: contract, text: 'export function f(a: "x" | "y"): void { switch (a) { case "x": break; } }\n', rule: '@typescript-eslint/switch-exhaustiveness-check' },

  { what: 'process.env', file: command, text: 'export const a = process.env.HOME;\n', rule: ENVIRONMENT },
  { what: "process['env']", file: command, text: "export const a = process['env'];\n", rule: ENVIRONMENT },
  { what: 'globalThis.process.env', file: command, text: 'export const a = globalThis.process.env;\n', rule: ENVIRONMENT },
  { what: '{ env } = process', file: command, text: 'export const { env } = process;\n', rule: ENVIRONMENT },
  { what: 'env of node:process', file: command, text: "import { env } from 'node:process';\nexport const a = env;\n", rule: ENVIRONMENT },
  { what: 'process.env in a lib', file: 'libs/settings/src/read-settings.ts', text: 'export const a = process.env.HOME;\n', rule: ENVIRONMENT },
  { what: 'process.env in config/', file: 'apps/cli/src/config/cli-settings.ts', text: 'export const a = process.env.HOME;\n' },
  { what: 'process.env in a spec', file: 'libs/settings/src/read-settings.spec.ts', text: 'export const a = process.env.HOME;\n' },

  { what: 'Nest in a contract lib', file: contract, text: load('@nestjs/common'), rule: IMPORTS },
  { what: 'Nest in an adapter lib', file: store, text: load('@nestjs/common'), rule: IMPORTS },
  ...['bullmq', 'ioredis', 'dockerode', 'dockerode/lib/container.js'].map((name) => ({ what: `${name} in a contract lib`, file: contract, text: load(name), rule: IMPORTS })),
  { what: 'a type of ioredis in a contract lib', file: contract, text: "import type { Redis } from 'ioredis';\nexport type A = Redis;\n", rule: IMPORTS },
  { what: 'ioredis in task-store', file: store, text: load('ioredis') },
  { what: 'dockerode in an adapter lib', file: store, text: load('dockerode'), rule: IMPORTS },
  { what: 'dockerode in the api', file: api, text: load('dockerode'), rule: IMPORTS },
  { what: 'bullmq in the api’s main', file: api, text: load('bullmq'), rule: IMPORTS },
  { what: 'socket.io in the worker', file: worker, text: load('socket.io'), rule: IMPORTS },
  { what: 'socket.io-client in the worker', file: worker, text: load('socket.io-client'), rule: IMPORTS },
  { what: 'Nest’s Socket.IO in the worker', file: worker, text: load('@nestjs/platform-socket.io'), rule: IMPORTS },
  { what: 'dockerode in the worker’s main', file: worker, text: load('dockerode'), rule: IMPORTS },
  { what: 'bullmq in the worker’s main', file: worker, text: load('bullmq'), rule: IMPORTS },
  { what: 'dockerode in its adapter', file: dockerAdapter, text: load('dockerode') },
  { what: 'bullmq in the adapter of dockerode', file: dockerAdapter, text: load('bullmq'), rule: IMPORTS },
  ...adapters('apps/api/src/queue').flatMap((file) => [
    { what: 'bullmq in the api’s queue adapter', file, text: load('bullmq') },
    { what: 'dockerode in the api’s queue adapter', file, text: load('dockerode'), rule: IMPORTS },
  ]),
  ...adapters('apps/worker/src/intake').flatMap((file) => [
    { what: 'bullmq in the worker’s intake adapter', file, text: load('bullmq') },
    { what: 'socket.io in the worker’s intake adapter', file, text: load('socket.io'), rule: IMPORTS },
  ]),

  { what: 'an adapter lib in a contract lib', file: contract, text: load('@function-runner/task-store'), rule: BOUNDARIES },
  { what: 'a contract lib in a contract lib', file: contract, text: load('@function-runner/pipeline-schema') },
  { what: 'another project by a relative path', file: contract, text: load('../../pipeline-schema/src/index.js'), rule: BOUNDARIES },
  { what: 'fixtures in a lib', file: store, text: load('@function-runner/testing'), rule: BOUNDARIES },
  { what: 'fixtures in a spec of a lib', file: 'libs/task-store/src/task-store.int.spec.ts', text: load('@function-runner/testing') },
  { what: 'fixtures in an app', file: command, text: load('@function-runner/testing'), rule: BOUNDARIES },
  { what: 'an adapter lib in an app', file: command, text: load('@function-runner/model-store') },
  { what: 'an app in another app', file: worker, text: load('../../cli/src/run-cli.js'), rule: BOUNDARIES },
  { what: 'an app in a lib', file: store, text: load('../../../apps/cli/src/run-cli.js'), rule: BOUNDARIES },
  { what: 'a lib in a pipeline', file: 'pipelines/image-upscale/src/main.ts', text: load('@function-runner/task-contract'), rule: BOUNDARIES },

  ...['tools/utils.mjs', 'tools/helpers/start.mjs', 'apps/api/src/common/start.mjs', 'libs/shared/start.mjs', 'tools/string-utils.mjs', 'tools/test.helpers.mjs', 'tools/camelCase.mjs', 'tools/snake_case.mjs']
    .map((file) => ({ what: `the name ${file}`, file, text: 'export const a = 1;\n', rule: NAMES })),
  { what: 'a plain name', file: 'tools/shared-memory.step.mjs', text: 'export const a = 1;\n' },
];

describe('ESLint', () => {
  /** @type {string[][]} */
  let broken;
  beforeAll(() => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['tools/lint/lint-texts.mjs'], {
      cwd: root, encoding: 'utf8', input: JSON.stringify(planted.map(({ file, text }) => ({ file: join(root, file), text }))),
      env: { ...process.env, NX_DAEMON: 'false' },
    });
    if (status !== 0) throw new Error(`ESLint could not run: ${stdout}${stderr}`);
    broken = JSON.parse(stdout);
  }, 120_000);

  test.each(planted.map((plant, index) => ({ ...plant, index })))('$what in $file: $rule', ({ rule, index }) => {
    if (rule === undefined) expect(broken[index]).toEqual([]);
    else expect(broken[index]).toContain(rule);
  });

  test('both queue adapters are among the files tried', () => {
    expect(adapters('apps/api/src/queue').length).toBeGreaterThan(0);
    expect(adapters('apps/worker/src/intake').length).toBeGreaterThan(0);
  });
});

describe('dependency-cruiser', () => {
  const tree = mkdtempSync(join(tmpdir(), 'function-runner-lint-'));
  afterAll(() => rmSync(tree, { recursive: true, force: true }));

  /**
   * The rules broken by a tree of files, each as `from → rule`.
   * @param {string} name
   * @param {Record<string, string>} files
   */
  function cruise(name, files) {
    const cwd = join(tree, name);
    const packages = Object.fromEntries(['bullmq', 'dockerode'].flatMap((module) => [[`node_modules/${module}/index.js`, ''], [`node_modules/${module}/package.json`, `{"name":"${module}","main":"index.js"}`]]));
    for (const [file, text] of Object.entries({ ...files, ...packages })) {
      mkdirSync(dirname(join(cwd, file)), { recursive: true });
      writeFileSync(join(cwd, file), text);
    }
    const { stdout, stderr } = spawnSync(process.execPath, [
      join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs'), '--config', join(root, '.dependency-cruiser.cjs'), '--output-type', 'json', 'apps', 'libs',
    ], { cwd, encoding: 'utf8' });
    if (stdout === '') throw new Error(stderr);
    /** @type {{ summary: { violations: { from: string, rule: { name: string } }[] } }} */
    const { summary } = JSON.parse(stdout);
    return [...new Set(summary.violations.map(({ from, rule }) => `${from} → ${rule.name}`))].sort();
  }

  test('finds each fault of a tree full of them, and no other', () => {
    const api = {
      'apps/api/src/circle/a.ts': load('./b.js'),
      'apps/api/src/circle/b.ts': load('./a.js'),
      'apps/api/src/orphan.ts': 'export const a = 1;',
      'apps/api/src/nowhere.ts': load('./not-there.js'),
      'apps/api/src/uses-spec.ts': load('./a.spec.js'),
      'apps/api/src/a.spec.ts': '',
      'apps/api/src/uses-fixture.ts': load('./a.fixture.js'),
      'apps/api/src/a.fixture.ts': '',
      'apps/api/src/uses-main.ts': load('./main.js'),
      'apps/api/src/main.ts': '',
      'apps/api/src/dispatch/a.ts': load('../gateway/b.js'),
      'apps/api/src/queue/a.ts': load('../gateway/b.js'),
      'apps/api/src/projects/a.ts': load('../gateway/b.js'),
      'apps/api/src/progress/a.ts': load('../dispatch/a.js'),
      'apps/api/src/waiting/a.ts': load('../gateway/b.js'),
      'apps/api/src/hosts/a.ts': load('../gateway/b.js'),
      'apps/api/src/gateway/b.ts': '',
      'apps/api/src/queue-by-require.ts': "export const a = require('bullmq');",
    };
    const worker = {
      'apps/worker/src/container/a.ts': load('../run/b.js'),
      'apps/worker/src/run/a.ts': load('../intake/b.js'),
      'apps/worker/src/run/b.ts': load('../container/c.adapter.js'),
      'apps/worker/src/workspace/a.ts': load('../run/b.js'),
      'apps/worker/src/models/a.ts': load('../run/b.js'),
      'apps/worker/src/lease/a.ts': load('../run/b.js'),
      'apps/worker/src/inventory/a.ts': load('../run/b.js'),
      'apps/worker/src/warm/a.ts': load('../intake/b.js'),
      'apps/worker/src/progress/a.ts': load('../run/b.js'),
      'apps/worker/src/intake/b.ts': '',
      'apps/worker/src/container/c.adapter.ts': '',
      'apps/worker/src/docker-by-import.ts': "export const a = import('dockerode');",
    };
    expect(cruise('faults', { ...api, ...worker, 'libs/model-manifest/src/index.ts': load('node:fs') })).toEqual([
      'apps/api/src/circle/a.ts → no-circular',
      'apps/api/src/dispatch/a.ts → api-dispatch-not-to-gateway-or-rest',
      'apps/api/src/hosts/a.ts → api-hosts-not-to-gateway-or-rest-or-dispatch-or-queue-or-waiting',
      'apps/api/src/nowhere.ts → no-unresolvable',
      'apps/api/src/orphan.ts → no-orphans',
      'apps/api/src/progress/a.ts → api-progress-not-to-rest-or-dispatch-or-queue',
      'apps/api/src/projects/a.ts → api-projects-not-to-gateway-or-rest-or-dispatch-or-queue',
      'apps/api/src/queue-by-require.ts → bullmq-behind-its-adapters',
      'apps/api/src/queue/a.ts → api-queue-not-to-gateway-or-rest-or-dispatch-or-projects',
      'apps/api/src/uses-fixture.ts → only-specs-import-fixtures',
      'apps/api/src/uses-main.ts → nothing-imports-main',
      'apps/api/src/uses-spec.ts → nothing-imports-specs',
      'apps/api/src/waiting/a.ts → api-waiting-not-to-gateway-or-rest-or-dispatch',
      'apps/worker/src/container/a.ts → worker-container-not-to-run-or-intake-or-progress-or-workspace',
      'apps/worker/src/docker-by-import.ts → dockerode-behind-its-adapter',
      'apps/worker/src/inventory/a.ts → worker-inventory-not-to-run-or-intake-or-lease-or-warm-or-container-or-workspace-or-models-or-progress',
      'apps/worker/src/lease/a.ts → worker-lease-not-to-run-or-intake-or-warm-or-workspace-or-models',
      'apps/worker/src/models/a.ts → worker-models-not-to-run-or-intake-or-container-or-progress-or-workspace',
      'apps/worker/src/progress/a.ts → worker-progress-not-to-run-or-intake-or-container',
      'apps/worker/src/run/a.ts → worker-run-not-to-intake',
      'apps/worker/src/run/b.ts → worker-run-sees-ports-only',
      'apps/worker/src/warm/a.ts → worker-warm-not-to-intake',
      'apps/worker/src/workspace/a.ts → worker-workspace-not-to-run-or-intake-or-container-or-progress-or-models',
      'libs/model-manifest/src/index.ts → contracts-do-no-io',
    ]);
  });

  test('finds nothing where each thing is in its place', () => {
    expect(cruise('clean', {
      'apps/api/src/main.ts': load('./gateway/a.gateway.js'),
      'apps/api/src/gateway/a.gateway.ts': load('../dispatch/b.service.js'),
      'apps/api/src/dispatch/b.service.ts': load('../queue/c.port.js') + load('../projects/d.port.js'),
      'apps/api/src/queue/c.port.ts': load('./c.adapter.js'),
      'apps/api/src/queue/c.adapter.ts': load('bullmq'),
      'apps/api/src/projects/d.port.ts': '',
      'apps/worker/src/main.ts': load('./intake/a.adapter.js') + load('./container/docker-daemon.adapter.js'),
      'apps/worker/src/intake/a.adapter.ts': load('bullmq') + load('../run/b.service.js'),
      'apps/worker/src/run/b.service.ts': load('../container/c.port.js'),
      'apps/worker/src/container/c.port.ts': '',
      'apps/worker/src/container/docker-daemon.adapter.ts': load('dockerode'),
      'libs/model-manifest/src/index.ts': load('node:path'),
    })).toEqual([]);
  });
});

/**
 * The adapter files of a folder; none before it is written.
 * @param {string} folder
 */
function adapters(folder) {
  try {
    return readdirSync(join(root, folder)).filter((name) => name.endsWith('.adapter.ts')).map((name) => `${folder}/${name}`);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return [];
    throw error;
  }
}
