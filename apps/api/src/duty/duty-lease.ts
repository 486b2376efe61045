/**
 * Lets one api process at a time do what must be done for all of them, such as telling the queue's story.
 *
 * Owns the key of its duty: the process that does it, until its word expires. Must stay true: only its holder extends or
 * deletes it. For a moment two may think that they hold it (the one was frozen while its word ran out), so what a duty does
 * must bear being done twice.
 */
import type { Redis } from 'ioredis';
import { Script } from '@function-runner/task-store';

/** How long a word counts: so late at the most another takes over from one that died. */
const WORD_MS = 5000;

/** How often it is repeated: four may be lost. */
const BEAT_MS = 1000;

/** Takes what nobody holds and extends what one holds oneself. KEYS duty; ARGV process, milliseconds. Returns 1 where it is the process's, else 0. */
const HOLD_LUA = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`;

/** Gives back what one holds. KEYS duty; ARGV process. */
const LET_GO_LUA = `
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
`;

const HOLD = new Script('functionRunnerHoldDuty', HOLD_LUA, 1);
const LET_GO = new Script('functionRunnerLetGoOfDuty', LET_GO_LUA, 1);

export class DutyLease {
  /** Until when it is ours for certain, and when it was asked for last; milliseconds of the monotonic clock. */
  private until = -Infinity;
  private askedAt = -Infinity;

  constructor(
    private readonly redis: Redis,
    /** The key of the duty. */
    private readonly duty: string,
    private readonly processId: string,
  ) {
    for (const script of [HOLD, LET_GO]) script.teach(redis);
  }

  /** Takes or keeps it. Whether it is ours; asks Redis only where a word is due. @throws what Redis answers */
  async hold(): Promise<boolean> {
    const now = performance.now();
    if (now - this.askedAt < BEAT_MS) return now < this.until;
    this.askedAt = now;
    this.until = (await HOLD.run(this.redis, [this.duty], [this.processId, WORD_MS])) === 1 ? now + WORD_MS : -Infinity;
    return this.until > performance.now();
  }

  /** Gives it back where it is ours, so that another process takes over at once. @throws what Redis answers */
  async letGo(): Promise<void> {
    this.until = -Infinity;
    await LET_GO.run(this.redis, [this.duty], [this.processId]);
  }
}
