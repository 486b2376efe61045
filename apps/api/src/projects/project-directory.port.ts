import type { ProjectRecord } from '@function-runner/task-store';

/** Where projects are looked up. An editor with a project service of its own provides another one under the token. */
export interface ProjectDirectory {
  /** The project, or undefined where there is none. A thrown error becomes `UNAVAILABLE` or `INTERNAL`. */
  find(id: string): Promise<ProjectRecord | undefined>;
}

/** Injection token of {@link ProjectDirectory}. */
export const PROJECT_DIRECTORY = Symbol('ProjectDirectory');
