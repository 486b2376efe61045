/** Where a task stands. */
export const TASK_STATES = ['queued', 'preparing', 'running', 'cancelling', 'completed', 'failed', 'cancelled'] as const;
export type TaskState = (typeof TASK_STATES)[number];

/** A state after which nothing happens to a task any more. */
export const TERMINAL_STATES = ['completed', 'failed', 'cancelled'] as const satisfies readonly TaskState[];
export type TerminalState = (typeof TERMINAL_STATES)[number];
export type LiveState = Exclude<TaskState, TerminalState>;

/**
 * What may follow what. `preparing`, `running` and `cancelling` may fall back to `queued`, when a worker puts
 * a task back or dies, and from `preparing` to `preparing`, when a next attempt takes over from a lost one. `queued`
 * follows itself when a waiting task is told where it stands.
 * The scripts in task-store enforce it; a spec holds them against this table.
 */
export const NEXT_STATES: Readonly<Record<TaskState, readonly TaskState[]>> = {
  queued: ['queued', 'preparing', 'cancelled', 'failed'],
  preparing: ['preparing', 'running', 'cancelling', 'queued', 'failed', 'cancelled', 'completed'],
  running: ['preparing', 'running', 'cancelling', 'queued', 'completed', 'failed', 'cancelled'],
  cancelling: ['cancelled', 'completed', 'failed', 'queued'],
  completed: [],
  failed: [],
  cancelled: [],
};

export function isTerminal(state: TaskState): state is TerminalState {
  return NEXT_STATES[state].length === 0;
}

export function isTaskState(text: string): text is TaskState {
  return TASK_STATES.some((state) => state === text);
}
