/** A task that has left its queue to be run, and on what. */
export interface TakenTask {
  taskId: string;
  /** What it has on its host, be it by a warm container. */
  resources: readonly string[];
  /** Whether a warm container serves it: then it may have come before its turn. */
  warm?: boolean;
}
