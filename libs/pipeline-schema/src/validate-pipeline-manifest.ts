import { validateClass, type Validated } from '@function-runner/class-schema';
import { ENVIRONMENT_NAME } from './grammar.js';
import { ParameterSchema } from './parameter-schema.js';
import { PipelineManifest } from './pipeline-manifest.js';

/** Validates a parsed `pipeline.json`: its environment, its parameter schema and what goes together included. */
export function validatePipelineManifest(plain: unknown): Validated<PipelineManifest> {
  const shape = validateClass(PipelineManifest, plain);
  if (!shape.ok) return shape;
  const problems = Object.entries(shape.value.execution.environment).flatMap(([name, value]: [string, unknown]) => {
    const path = `execution.environment.${name}`;
    if (!ENVIRONMENT_NAME.test(name)) return [{ path, message: 'is no name of an environment variable' }];
    if (typeof value !== 'string' || value.includes('\0')) return [{ path, message: 'must be a string without NUL' }];
    return [];
  });
  const { mode, shareable } = shape.value.execution;
  // A job's container is its task's own: the word would promise what nothing keeps.
  if (shareable === true && mode !== 'server') problems.push({ path: 'execution.shareable', message: 'must be left out unless execution.mode is "server": a container of one task is shared by nobody' });
  try {
    new ParameterSchema(shape.value.parameters ?? {});
  } catch (error) {
    problems.push({ path: 'parameters', message: `must be a JSON Schema: ${(error as Error).message}` });
  }
  return problems.length > 0 ? { ok: false, problems } : shape;
}
