import type { Redis } from 'ioredis';
import { keysLike } from './keys-like.js';

/** What stands in the books of all hosts: each lease, and each resource of which something is leased. */
export async function leasesIn(redis: Redis): Promise<string[]> {
  const leases = await Promise.all((await keysLike(redis, 'lease:{*}:leases')).map((key) => redis.hvals(key)));
  const amounts = await Promise.all((await keysLike(redis, 'lease:{*}:leased')).map(async (key) => Object.entries(await redis.hgetall(key)).filter(([, amount]) => amount !== '0').map(([resource, amount]) => `${amount} of ${resource}`)));
  return [...leases.flat(), ...amounts.flat()];
}
