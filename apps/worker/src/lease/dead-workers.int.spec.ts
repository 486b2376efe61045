import { connectRedis, WorkerRegistry, type WorkerFacts } from '@function-runner/task-store';
import { RedisFixture } from '@function-runner/testing';
import type { Redis } from 'ioredis';
import { DeadWorkers } from './dead-workers.js';

let server: RedisFixture;
let redis: Redis;
let registry: WorkerRegistry;

beforeAll(async () => {
  server = await RedisFixture.start();
  redis = connectRedis(server.url, 'worker', () => undefined);
  registry = new WorkerRegistry(redis);
});
beforeEach(() => redis.flushall());
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

const announce = (workerId: string): Promise<void> => registry.announce({
  workerId, host: 'here', hostId: 'here', pid: 1, engine: 'docker', state: 'working', running: 0, warm: 0, concurrency: 1, devices: [], cpuMillis: 1, memoryBytes: 1, startedAt: '2030-01-01T00:00:00.000Z',
} satisfies WorkerFacts);

describe('DeadWorkers', () => {
  it('says at once of a living worker that it lives', async () => {
    await announce('living');
    expect(await new DeadWorkers(registry).isDead('living')).toBe(false);
  });

  it('believes no single look: one that speaks again lives', async () => {
    const verdict = new DeadWorkers(registry).isDead('late');
    await announce('late');
    expect(await verdict).toBe(false);
  });

  it('knows a worker as dead whose word was missing in every look for a while', async () => {
    expect(await new DeadWorkers(registry).isDead('dead')).toBe(true);
  });

  it('does not call dead what nobody could ask after: a Redis that is away gives no verdict', async () => {
    const unreachable = connectRedis('redis://127.0.0.1:1', 'request', () => undefined);
    await expect(new DeadWorkers(new WorkerRegistry(unreachable)).isDead('anybody')).rejects.toThrow();
    unreachable.disconnect();
  });
});
