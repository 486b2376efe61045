/**
 * Lets one api process at a time tell the queue's story.
 *
 * Owns the key `narrator`: the process that does it, until its word expires. Must stay true: only its holder extends or
 * deletes it. For a moment two may think that they hold it (the one was frozen while its word ran out); then some events
 * are told twice, and no harm is done.
 */
import type { Redis } from 'ioredis';
import { keys } from '@function-runner/progress-protocol';

/** How long a word counts: so late at the most another takes over from one that died. */
const WORD_MS = 5000;

/** How often it is repeated: four may be lost. */
const BEAT_MS = 1000;

/** Takes what nobody holds and extends what one holds oneself. KEYS narrator; ARGV process, milliseconds. Returns 1 where it is the process's, else 0. */
const HOLD_LUA = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`;

/** Gives back what one holds. KEYS narrator; ARGV process. */
const LET_GO_LUA = `
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
`;

type Command = (...parts: (string | number)[]) => Promise<number>;

export class NarratorLease {
  /** Until when it is ours for certain, and when it was asked for last; milliseconds of the monotonic clock. */
  private until = -Infinity;
  private askedAt = -Infinity;

  constructor(
    private readonly redis: Redis,
    private readonly processId: string,
  ) {
    redis.defineCommand('functionRunnerHoldNarrator', { lua: HOLD_LUA, numberOfKeys: 1 });
    redis.defineCommand('functionRunnerLetGoNarrator', { lua: LET_GO_LUA, numberOfKeys: 1 });
  }

  /** Takes or keeps it. Whether it is ours; asks Redis only where a word is due. @throws what Redis answers */
  async hold(): Promise<boolean> {
    const now = performance.now();
    if (now - this.askedAt < BEAT_MS) return now < this.until;
    this.askedAt = now;
    this.until = (await this.run('functionRunnerHoldNarrator', keys.narrator, this.processId, WORD_MS)) === 1 ? now + WORD_MS : -Infinity;
    return this.until > performance.now();
  }

  /** Gives it back where it is ours, so that another process takes over at once. @throws what Redis answers */
  async letGo(): Promise<void> {
    this.until = -Infinity;
    await this.run('functionRunnerLetGoNarrator', keys.narrator, this.processId);
  }

  private run(name: string, ...parts: (string | number)[]): Promise<number> {
    const command = (this.redis as unknown as Record<string, Command | undefined>)[name];
    if (command === undefined) throw new Error(`the connection was not taught the script ${name}`);
    return command.call(this.redis, ...parts);
  }
}
