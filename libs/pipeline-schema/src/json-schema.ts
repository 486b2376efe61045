// An entry point of its own (`@function-runner/pipeline-schema/json-schema`): processes that only validate need not load it.
export { pipelineJsonSchema } from './pipeline-json-schema.js';
export { pipelinesConfigJsonSchema } from './pipelines-config-json-schema.js';
