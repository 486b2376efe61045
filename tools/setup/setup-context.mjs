// @ts-check

/**
 * What every step of the set-up is given.
 * @typedef {object} SetupContext
 * @property {import('./runner-paths.mjs').RunnerPaths} paths
 * @property {Record<string, string | undefined>} env the caller's environment; steps read it, none writes it
 * @property {import('./step-report.mjs').StepReport} report
 * @property {import('./stop-stack.mjs').StopStack} stops what was started
 * @property {AbortSignal} signal aborted as soon as a stop is asked for
 */

export {};
