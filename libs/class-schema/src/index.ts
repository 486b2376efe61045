export type { Problem } from './problem.js';
export { describeProblems } from './describe-problems.js';
export { validateClass } from './validate-class.js';
export type { UnknownProperties, Validated } from './validate-class.js';
export { jsonSchemaOf } from './json-schema-of.js';
