import { describe, expect, test } from '@jest/globals';
import { ParameterSchema } from './parameter-schema.js';

const upscale = new ParameterSchema({
  type: 'object',
  required: ['input'],
  additionalProperties: false,
  properties: { input: { type: 'string', format: 'project-path', minLength: 1 }, mask: { type: 'string', format: 'project-path' }, scale: { type: 'number', minimum: 1, maximum: 4 }, format: { enum: ['png', 'webp'] } },
});

describe('ParameterSchema', () => {
  test('lists the parameters that name files', () => {
    expect(upscale.pathParameters).toEqual(['input', 'mask']);
    expect(new ParameterSchema({}).pathParameters).toEqual([]);
  });

  test('takes what fits, the runner’s own parameters beside it', () => {
    expect(upscale.problems({ input: 'a.png', scale: 2, node_id: 'n', project_id: 'p', output_path: '/workspace/F/outputs/renders/n' })).toEqual([]);
  });

  test.each<[string, Record<string, unknown>, unknown[]]>([
    ['a missing one', {}, [{ path: 'parameters.input', message: 'is missing' }]],
    ['an unknown one', { input: 'a', sclae: 2 }, [{ path: 'parameters.sclae', message: 'is not a parameter of this pipeline' }]],
    ['one out of range', { input: 'a', scale: 9 }, [{ path: 'parameters.scale', message: 'must be <= 4' }]],
    ['a wrong word', { input: 'a', format: 'gif' }, [{ path: 'parameters.format', message: 'must be one of ["png","webp"]' }]],
    ['two faults', { scale: 'x' }, [{ path: 'parameters.input', message: 'is missing' }, { path: 'parameters.scale', message: 'must be number' }]],
  ])('names %s', (_what, parameters, problems) => {
    expect(upscale.problems(parameters)).toEqual(problems);
  });

  test('refuses a schema that is none', () => {
    expect(() => new ParameterSchema({ type: 'objekt' })).toThrow();
  });
});
