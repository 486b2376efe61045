import type { Redis } from 'ioredis';

/** What a script answers: numbers as text where they could be big. */
export type Reply = string | number | null | Reply[];

/**
 * A Lua script of a fixed number of keys. Sent by its hash; ioredis sends the text again when Redis has forgotten it
 * (a restart, SCRIPT FLUSH).
 */
export class Script {
  constructor(
    private readonly name: string,
    private readonly lua: string,
    private readonly numberOfKeys: number,
  ) {}

  /**
   * Teaches a connection the script, once. Must come before the connection's first command: a pipeline that ioredis
   * has already opened for the commands of this tick knows no script defined after it, and breaks on one.
   */
  teach(redis: Redis): void {
    if (!(this.name in redis)) redis.defineCommand(this.name, { lua: this.lua, numberOfKeys: this.numberOfKeys });
  }

  run(redis: Redis, keys: readonly string[], args: readonly (string | number)[]): Promise<Reply> {
    const command = (redis as unknown as Record<string, ((...parts: (string | number)[]) => Promise<Reply>) | undefined>)[this.name];
    if (command === undefined) throw new Error(`the connection was not taught the script ${this.name}`);
    return command.call(redis, ...keys, ...args);
  }
}
