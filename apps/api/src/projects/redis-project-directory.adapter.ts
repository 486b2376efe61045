import type { ProjectRecord, ProjectStore } from '@function-runner/task-store';
import type { ProjectDirectory } from './project-directory.port.js';

/** The projects kept in Redis, as `PUT /v1/projects/:id` makes them. */
export class RedisProjectDirectory implements ProjectDirectory {
  constructor(private readonly store: ProjectStore) {}

  find(id: string): Promise<ProjectRecord | undefined> {
    return this.store.get(id);
  }
}
