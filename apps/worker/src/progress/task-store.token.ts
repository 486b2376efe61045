/** Injection token of the TaskStore. */
export const TASK_STORE = Symbol('TaskStore');
