/** A project as the runner needs to know it. */
export interface ProjectRecord {
  id: string;
  /** The project's folder in the workspace. */
  name: string;
  /** As it was given; an unknown word counts as `standard`. */
  quality: string;
}
