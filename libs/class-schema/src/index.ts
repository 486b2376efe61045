export type { Problem } from './problem.js';
export { describeProblems } from './describe-problems.js';
export { validateClass } from './validate-class.js';
export type { UnknownProperties, Validated } from './validate-class.js';
// jsonSchemaOf is an entry point of its own (`@function-runner/class-schema/json-schema`): processes that only validate need not load its dependencies.
