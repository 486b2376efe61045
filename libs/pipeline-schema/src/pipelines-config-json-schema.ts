import { jsonSchemaOf } from '@function-runner/class-schema/json-schema';
import { NODE_TYPE } from './grammar.js';
import { PipelineConfig } from './pipeline-config.js';
import { QUALITY_TIERS } from './quality-tier.js';
import { TierConfig } from './tiers-config.js';

/** The JSON Schema of the pipelines file (`config/pipelines.json`), as it is published; says what `validateTiers` checks. */
export function pipelinesConfigJsonSchema(): Record<string, unknown> {
  const { $schema, title, ...tier } = jsonSchemaOf(TierConfig, 'pipelines file of the function runner');
  const { $schema: _schema, title: _title, ...pipeline } = jsonSchemaOf(PipelineConfig, '');
  const pipelines = {
    type: 'object',
    minProperties: 1,
    propertyNames: { pattern: NODE_TYPE.source },
    additionalProperties: { $ref: '#/definitions/PipelineConfig' },
  };
  return {
    $schema,
    title,
    type: 'object',
    additionalProperties: false,
    required: ['tiers'],
    properties: {
      // Where an editor finds this schema; not ours to judge.
      $schema: {},
      tiers: {
        type: 'object',
        additionalProperties: false,
        required: [...QUALITY_TIERS],
        properties: Object.fromEntries(QUALITY_TIERS.map((name) => [name, { $ref: '#/definitions/TierConfig' }])),
      },
    },
    definitions: { TierConfig: { ...tier, properties: { ...(tier['properties'] as object), pipelines } }, PipelineConfig: pipeline },
  };
}
