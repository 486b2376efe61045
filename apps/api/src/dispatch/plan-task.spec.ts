import { describe, expect, test } from '@jest/globals';
import { DEFAULT_TIERS, ParameterSchema } from '@function-runner/pipeline-schema';
import { TaskError } from '@function-runner/task-contract';
import type { GenerationRequest } from './generation-request.js';
import { planTask, type TaskPlan } from './plan-task.js';

const NOW = new Date('2026-01-02T03:04:05.678Z');
const REQUEST: GenerationRequest = { nodeId: 'n1', nodeType: 'image_upscale', projectId: 'p1', parameters: { input: 'plates/a.png' } };
const SCHEMA = new ParameterSchema({
  type: 'object', required: ['input'], additionalProperties: false,
  properties: { input: { type: 'string', format: 'project-path' }, scale: { enum: [2, 4] } },
});

function plan(quality: string, request: Partial<GenerationRequest> = {}, described = true): TaskPlan | TaskError {
  return planTask({ id: 'p1', name: 'Film One', quality }, { ...REQUEST, ...request }, DEFAULT_TIERS, {
    parameterSchema: (id) => (described && id.startsWith('image-upscale') ? SCHEMA : undefined),
    describe: () => undefined,
  }, NOW);
}

function refusal(outcome: TaskPlan | TaskError): TaskError {
  if (outcome instanceof TaskError) return outcome;
  throw new Error('the plan was not refused');
}

describe('planTask', () => {
  test.each([
    ['low', 'low', 'image-upscale:1.0-low', 900, true],
    ['Standard', 'standard', 'image-upscale:1.0-standard', 1800, true],
    [' HIGH ', 'high', 'image-upscale:1.0-high', 1800, true],
    ['premium', 'premium', 'image-upscale:1.0-premium', 7200, true],
    ['ultra', 'standard', 'image-upscale:1.0-standard', 1800, false],
    ['', 'standard', 'image-upscale:1.0-standard', 1800, false],
    ['constructor', 'standard', 'image-upscale:1.0-standard', 1800, false],
  ])('the quality "%s" runs as %s', (quality, tier, pipelineId, timeout, known) => {
    expect(plan(quality)).toMatchObject({
      quality: tier, qualityKnown: known, payload: { pipeline_id: pipelineId, config: { pipeline_id: pipelineId, timeout_seconds: timeout }, trace: { quality: tier } },
    });
  });

  test('fills in the tier’s time limit where the pipeline has none', () => {
    expect(plan('low', { nodeType: 'image_generation' })).toMatchObject({ payload: { pipeline_id: 'auteur-flux:1.0-low-vram', config: { timeout_seconds: 300, target_vram: 12 } } });
  });

  test('says what the task is to hold', () => {
    expect(plan('low', { nodeType: 'image_generation' })).toMatchObject({ payload: { demand: { gpus: 1, vram_bytes: 12 * 1024 ** 3, splittable: false, cpu_millis: 0, memory_bytes: 0 } } });
    expect(plan('low')).toMatchObject({ payload: { demand: { gpus: 0, vram_bytes: 0 } } });
  });

  test('writes the whole payload; the runner’s own parameters win over a client’s', () => {
    const parameters = { input: 'a.png', output_path: '/etc', node_id: 'x', project_id: 'y' };
    expect(plan('low', { parameters, requestId: 'r', batchId: 'b' }, false)).toMatchObject({
      payload: {
        node_type: 'image_upscale', workspace_path: '/workspace', submitted_at: NOW.toISOString(),
        parameters: { input: 'a.png', node_id: 'n1', project_id: 'p1', output_path: '/workspace/Film One/outputs/renders/n1' },
        trace: { request_id: 'r', batch_id: 'b', project_name: 'Film One', quality: 'low' },
      },
    });
  });

  test.each(['paint', 'toString', '__proto__', 'constructor'])('the node type "%s" is unknown', (nodeType) => {
    expect(refusal(plan('low', { nodeType }))).toMatchObject({ code: 'UNKNOWN_NODE_TYPE', details: { knownNodeTypes: ['image_generation', 'image_upscale'] } });
  });

  test.each<[Record<string, unknown>, unknown]>([
    [{}, [{ path: 'parameters.input', message: 'is missing' }]],
    [{ input: 'a.png', scale: 3 }, [{ path: 'parameters.scale', message: 'must be one of [2,4]' }]],
    [{ input: 7, colour: 'red' }, [{ path: 'parameters.colour', message: 'is not a parameter of this pipeline' }, { path: 'parameters.input', message: 'must be string' }]],
  ])('parameters that break the schema: %j', (parameters, details) => {
    expect(refusal(plan('low', { parameters }))).toMatchObject({ code: 'VALIDATION_FAILED', details });
  });

  test.each([['../other/a.png', 'leaves the project'], ['/etc/passwd', 'is absolute'], ['a\\b.png', 'backslash'], ['', 'is empty'], ['a\u0000b', 'control character'], ['/workspace/Other Film/a.png', 'is absolute']])(
    'the path "%s" is not allowed', (input, sentence) => {
      const error = refusal(plan('low', { parameters: { input } }));
      expect(error.code).toBe('PATH_NOT_ALLOWED');
      expect(error.message).toContain(sentence);
    },
  );

  test('a take of the same project may be an input', () => {
    expect(plan('low', { parameters: { input: '/workspace/Film One/outputs/renders/n0/t/out.png' } })).not.toBeInstanceOf(TaskError);
  });
});
