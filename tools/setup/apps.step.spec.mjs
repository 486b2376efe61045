// @ts-check
import { afterAll, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { appEnvironment, stopGrace, waitUntilReady } from './apps.step.mjs';

test.each([
  [undefined, 40_000],
  ['', 40_000],
  ['5s', 15_000],
  ['500ms', 10_500],
  ['2m', 130_000],
  ['soon', 40_000],
])('DRAIN_TIMEOUT=%s: an app may take %d ms to stop', (value, ms) => {
  expect(stopGrace(value)).toBe(ms);
});

test('the apps get what was found out, and the rest of the environment as it is', () => {
  const env = appEnvironment({ LOG_LEVEL: 'debug', PORT: '1' }, { redisUrl: 'redis://r', workspaceRoot: '/w', modelsRoot: '/m', port: 3000, workerPort: 3001, engine: 'docker', nodeEnv: 'production' });
  expect(env).toEqual({ LOG_LEVEL: 'debug', NODE_ENV: 'production', REDIS_URL: 'redis://r', WORKSPACE_ROOT: '/w', MODELS_ROOT: '/m', PORT: '3000', WORKER_PORT: '3001', CONTAINER_ENGINE: 'docker' });
});

describe('waitUntilReady', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fr-app-'));
  const logFile = join(folder, 'api.log');
  writeFileSync(logFile, 'first\nPORT is wrong\n');
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** @param {(count: number) => number} status */
  async function serve(status) {
    let count = 0;
    const server = createServer((_request, response) => {
      response.writeHead(status((count += 1)));
      response.end('{"redis":"down"}');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    return { server, port: address && typeof address === 'object' ? address.port : 0 };
  }
  /** @param {number} port @param {Promise<string>} [ended] */
  const app = (port, ended = new Promise(() => undefined)) => ({ name: /** @type {const} */ ('api'), port, pid: 0, ended, logFile, forget: () => undefined });
  const { signal } = new AbortController();

  test('waits through 503', async () => {
    const { server, port } = await serve((count) => (count < 3 ? 503 : 200));
    await expect(waitUntilReady(app(port), signal)).resolves.toBeUndefined();
    server.close();
  });
  test('an app that never gets ready: its answer and its last lines are told', async () => {
    const { server, port } = await serve(() => 503);
    await expect(waitUntilReady(app(port), signal, 150)).rejects.toMatchObject({ message: expect.stringContaining('answers 503'), detail: expect.stringMatching(/redis":"down[\s\S]*PORT is wrong/) });
    server.close();
  });
  test('an app that ends is not waited for', async () => {
    await expect(waitUntilReady(app(1, Promise.resolve('code 1')), signal)).rejects.toMatchObject({ message: 'The api ended with code 1 before it was ready.', detail: expect.stringContaining('PORT is wrong') });
  });
});
