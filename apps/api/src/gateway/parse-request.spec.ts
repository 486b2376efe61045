import { describe, expect, test } from '@jest/globals';
import { CancelGenerationDto } from './cancel-generation.dto.js';
import { toErrorPayload } from './error-payload.js';
import { parseRequest } from './parse-request.js';
import { checkPayloadLimits } from './payload-limits.js';
import { ResumeTaskDto } from './resume-task.dto.js';
import { StartGenerationDto } from './start-generation.dto.js';
import { TaskError } from '@function-runner/task-contract';

const TASK = '01a20fb4-badd-77af-823a-fc9fb4c87356';
const START = { nodeId: 'n', nodeType: 'image_upscale', projectId: 'p', parameters: {} };

function problemsOf(type: new () => object, payload: unknown): unknown {
  try {
    parseRequest(type, payload);
    return [];
  } catch (error) {
    if (error instanceof TaskError) return [...new Set((error.details as { path: string }[]).map(({ path }) => path))];
    throw error;
  }
}

describe('parseRequest', () => {
  test('drops what it does not know, keeps parameters as they are', () => {
    const parameters = { deep: { list: [1, { a: null }], text: 'x' } };
    expect({ ...parseRequest(StartGenerationDto, { ...START, parameters, later: 1 }) }).toEqual({ ...START, parameters });
  });

  test('a name that pollutes prototypes reaches none', () => {
    parseRequest(StartGenerationDto, JSON.parse('{"nodeId":"n","nodeType":"t","projectId":"p","parameters":{"__proto__":{"polluted":true}},"__proto__":{"polluted":true}}'));
    expect(Object.prototype).not.toHaveProperty('polluted');
  });

  test.each<[new () => object, unknown, string[]]>([
    [StartGenerationDto, START, []],
    [StartGenerationDto, { ...START, requestId: null, priority: null }, []],
    [StartGenerationDto, null, ['']],
    [StartGenerationDto, 'text', ['']],
    [StartGenerationDto, { ...START, nodeId: 5 }, ['nodeId']],
    [StartGenerationDto, { ...START, nodeId: 'a'.repeat(129) }, ['nodeId']],
    [StartGenerationDto, { ...START, projectId: 'a/b', nodeType: '{x}' }, ['nodeType', 'projectId']],
    [StartGenerationDto, { ...START, requestId: 'x'.repeat(129) }, ['requestId']],
    [CancelGenerationDto, { taskId: TASK }, []],
    [CancelGenerationDto, { batchId: 'b' }, []],
    [CancelGenerationDto, {}, ['taskId']],
    [CancelGenerationDto, { taskId: 'b', batchId: 'b' }, ['taskId']],
    [ResumeTaskDto, { taskId: TASK, lastSeq: 0 }, []],
    [ResumeTaskDto, { taskId: TASK, lastSeq: 1.5 }, ['lastSeq']],
    [ResumeTaskDto, { taskId: TASK, lastSeq: '1' }, ['lastSeq']],
    [ResumeTaskDto, { taskId: TASK.toUpperCase() }, ['taskId']],
  ])('%p %j', (type, payload, paths) => {
    expect(problemsOf(type, payload)).toEqual(paths);
  });
});

describe('checkPayloadLimits', () => {
  test.each<[unknown, string | undefined]>([
    [undefined, undefined],
    [{ a: 'x'.repeat(80) }, undefined],
    [{ a: 'x'.repeat(100) }, 'PAYLOAD_TOO_LARGE'],
    [{ a: 'ü'.repeat(60) }, 'PAYLOAD_TOO_LARGE'],
    [JSON.parse('['.repeat(32) + '1' + ']'.repeat(32)), undefined],
    [JSON.parse('['.repeat(33) + ']'.repeat(33)), 'VALIDATION_FAILED'],
    [JSON.parse('['.repeat(40) + ']'.repeat(40)), 'VALIDATION_FAILED'],
    [JSON.parse('{"a":[1e308,-1e308,-0,9007199254740993]}'), undefined],
    [JSON.parse('{"a":[{"b":1e999}]}'), 'VALIDATION_FAILED'],
    [JSON.parse('-1e999'), 'VALIDATION_FAILED'],
  ])('%j', (payload, code) => {
    const check = (): void => checkPayloadLimits(payload, 100);
    if (code === undefined) expect(check).not.toThrow();
    else expect(check).toThrow(expect.objectContaining({ code }));
  });

  test('depth beyond any stack is no danger', () => {
    let deep: unknown = 1;
    for (let level = 0; level < 200_000; level += 1) deep = { deep };
    expect(() => checkPayloadLimits(deep, 100)).toThrow(expect.objectContaining({ code: 'VALIDATION_FAILED' }));
  });
});

test.each<[unknown, object]>([
  [undefined, {}],
  [{ nodeId: 'n', requestId: 'r', taskId: 7 }, { nodeId: 'n', requestId: 'r' }],
  [{ get nodeId(): string { throw new Error('never read'); } }, {}],
])('toErrorPayload names what it can %#', (request, names) => {
  expect(toErrorPayload(new TaskError('QUEUE_FULL', 'full'), request)).toEqual({ error: 'full', code: 'QUEUE_FULL', ...names });
});
