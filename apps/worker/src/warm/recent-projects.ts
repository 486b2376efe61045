/**
 * Which projects used a pipeline's serving containers last, so that a worker that starts can have some ready for them.
 *
 * Owns the keys `warm:{pipeline}` (sorted set: project, JSON, by when a container was started for it, or has last been
 * used by the hour). Bounded: {@link MOST} projects a pipeline, and each set ends {@link LIFE_MS} after its last entry.
 */
import { Inject, Injectable } from '@nestjs/common';
import { keys } from '@function-runner/progress-protocol';
import { LOGGER, type Logger } from '../logging/logger.js';
import { RedisConnections } from '../progress/redis-connections.js';

/** Projects that are remembered of a pipeline: more than a worker has containers for. */
const MOST = 16;

const LIFE_MS = 7 * 86_400_000;

/** A container that is always warm is never started again: its use is noted too, but not with every task. */
const NOTED_FOR_MS = 3_600_000;

/** Notes of this process that are remembered, so that they are not made again; beyond, all are forgotten and some made twice. */
const MOST_NOTED = 10_000;

/** A project by its folder's name and its id. */
export interface ProjectMention {
  name: string;
  id: string;
}

@Injectable()
export class RecentProjects {
  /** When what was noted last, milliseconds of the monotonic clock. */
  private readonly noted = new Map<string, number>();

  constructor(
    private readonly redis: RedisConnections,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** The project uses a serving container of the pipeline. A note that cannot be made costs a cold start some day. */
  note(pipelineId: string, project: ProjectMention): void {
    const member = memberOf(project);
    const what = `${pipelineId} ${member}`;
    const now = performance.now();
    if (now - (this.noted.get(what) ?? Number.NEGATIVE_INFINITY) < NOTED_FOR_MS) return;
    if (this.noted.size >= MOST_NOTED) this.noted.clear();
    this.noted.set(what, now);
    const key = keys.warmProjects(pipelineId);
    this.redis.main.multi().zadd(key, Date.now(), member).zremrangebyrank(key, 0, -1 - MOST).pexpire(key, LIFE_MS).exec().catch((error: unknown) => {
      this.noted.delete(what);
      this.logger.debug({ err: error, pipeline: pipelineId }, 'it could not be noted which project uses a pipeline');
    });
  }

  /** The last one first. */
  async latest(pipelineId: string): Promise<ProjectMention[]> {
    const members = await this.redis.main.zrevrange(keys.warmProjects(pipelineId), 0, MOST - 1);
    return members.map((member) => JSON.parse(member) as ProjectMention);
  }

  /** A project that is there no more. */
  async forget(pipelineId: string, project: ProjectMention): Promise<void> {
    await this.redis.main.zrem(keys.warmProjects(pipelineId), memberOf(project));
  }
}

/** The same text for the same project. */
function memberOf({ name, id }: ProjectMention): string {
  return JSON.stringify({ name, id });
}
