import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import { validateModelManifest } from '@function-runner/model-manifest';
import { modelJsonSchema } from '@function-runner/model-manifest/json-schema';
import { DEFAULT_TIERS, validatePipelineManifest, validateTiers } from '@function-runner/pipeline-schema';
import { pipelineJsonSchema, pipelinesConfigJsonSchema } from '@function-runner/pipeline-schema/json-schema';
import { loadTiers } from '@function-runner/settings';
import { PIPELINES_FOLDER } from './config/repository.js';

const root = dirname(PIPELINES_FOLDER);
const read = (file: string): unknown => JSON.parse(readFileSync(join(root, file), 'utf8'));

/** What a class says of a file, and what the published schema does. */
const PUBLISHED = [
  { schema: 'schemas/model.schema.json', made: modelJsonSchema, validate: validateModelManifest, examples: ['examples/model.json'] },
  {
    schema: 'schemas/pipeline.schema.json', made: pipelineJsonSchema, validate: validatePipelineManifest,
    examples: ['examples/pipeline.json', ...['low', 'standard', 'high', 'premium'].map((tier) => `pipelines/image-upscale/store/image-upscale-1.0-${tier}.json`)],
  },
  { schema: 'schemas/pipelines-config.schema.json', made: pipelinesConfigJsonSchema, validate: validateTiers, examples: ['config/pipelines.example.json'] },
];

describe.each(PUBLISHED)('$schema', ({ schema, made, validate, examples }) => {
  const accepts = new Ajv({ allErrors: true }).compile(read(schema) as object);

  test('is what the classes give; if not, run: npm run build && npm run schemas', () => {
    expect(read(schema)).toEqual(made());
  });

  test.each(examples)('takes %s, and so does the class', (file) => {
    accepts(read(file));
    expect(accepts.errors ?? []).toEqual([]);
    expect(validate(read(file))).toMatchObject({ ok: true });
  });

  test('and the class refuse every example with one property spoilt, missing or too many, alike', () => {
    for (const example of examples.map((file) => read(file) as Record<string, unknown>)) {
      for (const spoilt of spoil(example)) {
        // `parameters` and `environment` are open to the schema, which cannot judge them; the class does.
        if (/^(parameters|execution\.environment)/.test(spoilt.where)) continue;
        expect([spoilt.where, spoilt.how, accepts(spoilt.value)]).toEqual([spoilt.where, spoilt.how, validate(spoilt.value).ok]);
      }
    }
  });
});

test('the example of the pipelines file is the default tiers, and can be loaded', () => {
  expect(read('config/pipelines.example.json')).toEqual({ $schema: '../schemas/pipelines-config.schema.json', tiers: DEFAULT_TIERS });
  expect(loadTiers(join(root, 'config/pipelines.example.json'), {})).toEqual(DEFAULT_TIERS);
});

test('the examples are of the reference pipeline', () => {
  expect(read('examples/pipeline.json')).toEqual(read('pipelines/image-upscale/store/image-upscale-1.0-low.json'));
  expect(read('pipelines/image-upscale/store/models.json')).toContainEqual(expect.objectContaining({ id: (read('examples/model.json') as { id: string }).id, version: (read('examples/model.json') as { version: string }).version }));
});

interface Spoilt {
  where: string;
  how: string;
  value: unknown;
}

/** The value with one thing changed, in every place: another type, away, or one property more. */
function spoil(value: unknown, where = ''): Spoilt[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => spoil(item, `${where}[${index}]`).map((inner) => ({ ...inner, value: value.map((other: unknown, i) => (i === index ? inner.value : other)) })));
  if (typeof value !== 'object' || value === null) return [];
  const own = Object.entries(value).flatMap(([name, content]: [string, unknown]): Spoilt[] => {
    const at = where === '' ? name : `${where}.${name}`;
    const { [name]: _gone, ...without } = value as Record<string, unknown>;
    return [
      { where: at, how: 'is missing', value: without },
      ...[true, 'no such thing!', -1, 1e12, [7], { a: 1 }].filter((other) => typeof other !== typeof content || Array.isArray(other) !== Array.isArray(content)).map((other) => ({ where: at, how: `is ${JSON.stringify(other)}`, value: { ...value, [name]: other } })),
      ...spoil(content, at).map((inner) => ({ ...inner, value: { ...value, [name]: inner.value } })),
    ];
  });
  return [...own, { where, how: 'has one property more', value: { ...value, 'no such name!': 1 } }];
}
