import { existsSync } from 'node:fs';
import { Redis } from 'ioredis';
import { expect, it } from '@jest/globals';
import { RedisFixture } from './redis-fixture.js';

it('keeps its data over a crash, and leaves nothing behind', async () => {
  const fixture = await RedisFixture.start();
  const redis = new Redis(fixture.url);
  let folder: string | undefined;
  try {
    await redis.config('SET', 'appendfsync', 'always');
    await redis.set('kept', 'yes');
    // A list in RESP2, a map in RESP3; the folder is the last either way.
    folder = String(Object.values(await redis.config('GET', 'dir') as object).at(-1));
    const { pid } = fixture;
    await fixture.halt('SIGKILL');
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    await fixture.resume();
    expect(await redis.get('kept')).toBe('yes');
  } finally {
    redis.disconnect();
    await fixture.stop();
  }
  expect(folder).toMatch(/function-runner-redis-/);
  expect(existsSync(String(folder))).toBe(false);
});
