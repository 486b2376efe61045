import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { readArguments } from './pipeline-arguments.js';
import { parametersSchema, readParameters } from './upscale-parameters.js';

describe('readParameters', () => {
  it('fills in the defaults and lets the runner add its own', () => {
    expect(readParameters({ input: 'a.png', node_id: 'n', project_id: 'p', output_path: '/o' }, 4)).toEqual({ input: 'a.png', scale: 4, format: 'png' });
  });

  it.each([
    [{}],
    [{ input: 7 }],
    [{ input: '' }],
    [{ input: 'a', scale: 0.5 }],
    [{ input: 'a', scale: 2.5 }],
    [{ input: 'a', scale: '2' }],
    [{ input: 'a', scale: NaN }],
    [{ input: 'a', format: 'gif' }],
  ])('refuses %j', (parameters) => {
    expect(() => readParameters(parameters, 2)).toThrow(expect.objectContaining({ code: 'VALIDATION_FAILED' }));
  });
});

describe('store/', () => {
  const store = new URL('../store/', import.meta.url);
  const read = (name: string) => JSON.parse(readFileSync(new URL(name, store), 'utf8')) as Record<string, unknown>;
  const pipelines = readdirSync(store).filter((name) => name.startsWith('image-upscale-'));
  const models = read('models.json') as unknown as { id: string }[];

  it.each(pipelines)('%s has the schema, the arguments and the model that this program knows', (name) => {
    const pipeline = read(name) as { model_id: string; parameters: unknown; execution: { args: string[] } };
    const { model, scale } = readArguments(pipeline.execution.args);
    expect(pipeline.model_id).toBe(model);
    expect(models.map(({ id }) => id)).toContain(model);
    expect(pipeline.parameters).toEqual(parametersSchema(scale));
  });

  it('serves every tier', () => expect(pipelines).toHaveLength(4));
});
