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

  /** Runs on a connection; the first use teaches the connection the script. */
  run(redis: Redis, task: string, events: string, args: readonly (string | number)[]): Promise<Reply> {
    const commands = redis as unknown as Record<string, ((...parts: (string | number)[]) => Promise<Reply>) | undefined>;
    if (commands[this.name] === undefined) redis.defineCommand(this.name, { lua: this.lua, numberOfKeys: 2 });
    const command = commands[this.name];
    if (command === undefined) throw new Error(`ioredis did not define the command ${this.name}`);
    return command.call(redis, task, events, ...args);
  }
}
