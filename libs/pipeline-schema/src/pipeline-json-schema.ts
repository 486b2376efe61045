import { jsonSchemaOf } from '@function-runner/class-schema/json-schema';
import { PipelineManifest } from './pipeline-manifest.js';

/** The JSON Schema of `pipeline.json`, as it is published. */
export function pipelineJsonSchema(): Record<string, unknown> {
  return jsonSchemaOf(PipelineManifest, 'pipeline.json of the function runner');
}
