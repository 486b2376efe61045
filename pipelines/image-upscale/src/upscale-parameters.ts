import { PipelineFailure } from './pipeline-failure.js';
import { maxInputPixels } from './pixel-limits.js';

const FORMATS = ['png', 'jpeg', 'webp'] as const;

/** File formats a result can have. */
export type OutputFormat = (typeof FORMATS)[number];

/** What a node may ask of this pipeline. */
export interface UpscaleParameters {
  /** Path of the picture, absolute inside the container or relative to the workspace. */
  readonly input: string;
  /** Output pixels per input pixel along a side; from 1 to the model's own factor, which is the default. */
  readonly scale: number;
  readonly format: OutputFormat;
}

/**
 * The JSON Schema of the node's parameters, as it stands in pipeline.json. Other names are let through: the runner
 * adds node_id, project_id and output_path.
 */
export function parametersSchema(modelScale: number) {
  return {
    type: 'object',
    required: ['input'],
    properties: {
      input: {
        type: 'string',
        format: 'project-path',
        minLength: 1,
        maxLength: 1024,
        title: 'Picture',
        description: `A PNG, JPEG or WebP file of the project, at most ${maxInputPixels(modelScale) / 1e6} megapixels.`,
      },
      scale: {
        type: 'number',
        minimum: 1,
        maximum: modelScale,
        default: modelScale,
        title: 'Scale',
        description: `How many times wider and higher the result is; below ${modelScale} the model's answer is brought down to size.`,
      },
      format: {
        type: 'string',
        enum: [...FORMATS],
        default: 'png',
        title: 'File format',
        description: 'PNG is lossless; JPEG has no transparency and puts transparent pictures on white.',
      },
    },
  };
}

/** Checks a task's parameters; the runner has done so by the schema, but this program is also run by hand. */
export function readParameters(parameters: Readonly<Record<string, unknown>>, modelScale: number): UpscaleParameters {
  const { input, scale = modelScale, format = 'png' } = parameters;
  if (typeof input !== 'string' || input === '') throw refused('"input" must be the path of a picture');
  if (typeof scale !== 'number' || !(scale >= 1 && scale <= modelScale)) throw refused(`"scale" must be a number from 1 to ${modelScale}`);
  const known = FORMATS.find((name) => name === format);
  if (!known) throw refused(`"format" must be one of ${FORMATS.join(', ')}`);
  return { input, scale, format: known };
}

function refused(what: string): PipelineFailure {
  return new PipelineFailure('VALIDATION_FAILED', `The parameter ${what}.`);
}
