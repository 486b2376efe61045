import type { Redis } from 'ioredis';
import { keys } from '@function-runner/progress-protocol';
import type { ProjectRecord } from './project-record.js';

/** Projects kept in Redis, for editors that have no project service of their own. They stay until removed by hand. */
export class ProjectStore {
  constructor(private readonly redis: Redis) {}

  async get(id: string): Promise<ProjectRecord | undefined> {
    const { name, quality } = await this.redis.hgetall(keys.project(id));
    return name === undefined ? undefined : { id, name, quality: quality ?? '' };
  }

  async put({ id, name, quality }: ProjectRecord): Promise<void> {
    await this.redis.hset(keys.project(id), { name, quality });
  }
}
