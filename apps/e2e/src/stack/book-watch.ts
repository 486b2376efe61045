import type { Redis } from 'ioredis';
import { keysLike } from '../invariants/keys-like.js';

/** Looks at what is leased on every host again and again, as an outside program can. Changes nothing. */
export class BookWatch {
  private readonly most: Record<string, number> = {};
  private looks = 0;
  private going = true;
  private watching: Promise<void> | undefined;

  constructor(private readonly redis: Redis) {}

  start(): void {
    this.watching = this.watch();
  }

  /** The most that was leased of each resource at any look. */
  async stop(): Promise<{ looks: number; most: Readonly<Record<string, number>> }> {
    this.going = false;
    await this.watching;
    return { looks: this.looks, most: this.most };
  }

  private async watch(): Promise<void> {
    while (this.going) {
      for (const key of await keysLike(this.redis, 'lease:{*}:leased')) {
        for (const [resource, amount] of Object.entries(await this.redis.hgetall(key))) this.most[resource] = Math.max(this.most[resource] ?? 0, Number(amount));
      }
      this.looks += 1;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
