import { jsonSchemaOf } from '@function-runner/class-schema/json-schema';
import { ModelManifest } from './model-manifest.js';

/** The JSON Schema of `model.json`, as it is published. */
export function modelJsonSchema(): Record<string, unknown> {
  return jsonSchemaOf(ModelManifest, 'model.json of the function runner');
}
