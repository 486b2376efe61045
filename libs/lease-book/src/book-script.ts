import type { Redis } from 'ioredis';

/** What a script answers: scripts of the book write numbers as text where they could be big. */
export type Reply = string | number | null | Reply[];

/** `total`, `leased`, `leases`, `expiry`, `reserved`: every script is given all of them, in this order. */
export type BookKeys = readonly [total: string, leased: string, leases: string, expiry: string, reserved: string];

/**
 * A Lua script of a book's keys. Sent by its hash; ioredis sends the text again when Redis has forgotten it
 * (a restart, SCRIPT FLUSH).
 */
export class BookScript {
  constructor(
    private readonly name: string,
    private readonly lua: string,
  ) {}

  /**
   * Teaches a connection the script, once. Must come before the connection's first command: a pipeline that ioredis
   * has already opened for the commands of this tick knows no script defined after it, and breaks on one.
   */
  teach(redis: Redis): void {
    if (!(this.name in redis)) redis.defineCommand(this.name, { lua: this.lua, numberOfKeys: 5 });
  }

  run(redis: Redis, keys: BookKeys, args: readonly (string | number)[]): Promise<Reply> {
    const command = (redis as unknown as Record<string, ((...parts: (string | number)[]) => Promise<Reply>) | undefined>)[this.name];
    if (command === undefined) throw new Error(`the connection was not taught the script ${this.name}`);
    return command.call(redis, ...keys, ...args);
  }
}
