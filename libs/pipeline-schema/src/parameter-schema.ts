import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import type { Problem } from '@function-runner/class-schema';

/** Names that the runner itself adds to a task's parameters; a pipeline's schema does not know them. */
const RUNNER_PARAMETERS = new Set(['node_id', 'project_id', 'output_path']);

/**
 * A pipeline's `parameters` schema, compiled once.
 *
 * Strings of format `project-path` name files of the project: {@link pathParameters} lists them, and whoever
 * touches the disk resolves them; here the format accepts any string, since only a resolver can judge a path.
 */
export class ParameterSchema {
  private readonly validate: ValidateFunction;
  /** Top-level parameters that name a file of the project. */
  readonly pathParameters: readonly string[];

  /** @throws Error when the schema itself is wrong. */
  constructor(schema: Record<string, unknown>) {
    const ajv = new Ajv({ allErrors: true, strict: false, formats: { 'project-path': true } });
    this.validate = ajv.compile(schema);
    const properties = schema['properties'];
    this.pathParameters = Object.entries(typeof properties === 'object' && properties !== null ? properties : {})
      .filter(([, property]: [string, unknown]) => typeof property === 'object' && property !== null && (property as { format?: unknown }).format === 'project-path')
      .map(([name]) => name);
  }

  /** What is wrong with a node's parameters; empty when nothing is. */
  problems(parameters: Record<string, unknown>): Problem[] {
    const own = Object.fromEntries(Object.entries(parameters).filter(([name]) => !RUNNER_PARAMETERS.has(name)));
    return this.validate(own) ? [] : (this.validate.errors ?? []).map(toProblem);
  }
}

function toProblem(error: ErrorObject): Problem {
  const params = error.params as Record<string, unknown>;
  const named = params['missingProperty'] ?? params['additionalProperty'];
  const path = `parameters${error.instancePath.replaceAll('/', '.')}${typeof named === 'string' ? `.${named}` : ''}`;
  if (error.keyword === 'required') return { path, message: 'is missing' };
  if (error.keyword === 'additionalProperties') return { path, message: 'is not a parameter of this pipeline' };
  if (error.keyword === 'enum') return { path, message: `must be one of ${JSON.stringify(params['allowedValues'])}` };
  return { path, message: error.message ?? `breaks the rule "${error.keyword}"` };
}
