import type { Redis } from 'ioredis';

type Reply = string | number | null | Reply[];

/**
 * A Lua script of two keys, `task` and `events`. Sent by its hash; ioredis sends the text again when Redis has
 * forgotten it (a restart, SCRIPT FLUSH).
 */
export class Script {
  constructor(
    private readonly name: string,
    private readonly lua: string,
  ) {}

  /**
   * Teaches a connection the script, once. Must come before the connection's first command: a pipeline that ioredis
   * has already opened for the commands of this tick knows no script defined after it, and breaks on one.
   */
  teach(redis: Redis): void {
    if (!(this.name in redis)) redis.defineCommand(this.name, { lua: this.lua, numberOfKeys: 2 });
  }

  run(redis: Redis, task: string, events: string, args: readonly (string | number)[]): Promise<Reply> {
    const command = (redis as unknown as Record<string, ((...parts: (string | number)[]) => Promise<Reply>) | undefined>)[this.name];
    if (command === undefined) throw new Error(`the connection was not taught the script ${this.name}`);
    return command.call(redis, task, events, ...args);
  }
}
