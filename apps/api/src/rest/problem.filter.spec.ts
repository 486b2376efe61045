import { expect, test } from '@jest/globals';
import { NotFoundException } from '@nestjs/common';
import { TaskError } from '@function-runner/task-contract';
import { toProblem } from './problem.filter.js';

test.each<[string, unknown, object]>([
  ['our own', new TaskError('QUEUE_FULL', 'full', { limit: 1 }), { status: 503, code: 'QUEUE_FULL', detail: 'full', details: { limit: 1 } }],
  ['a missing route', new NotFoundException('Cannot GET /x'), { status: 404, code: 'VALIDATION_FAILED', detail: 'Cannot GET /x' }],
  ['too large a body', Object.assign(new Error('request entity too large'), { status: 413 }), { status: 413, code: 'PAYLOAD_TOO_LARGE' }],
  ['an unsupported charset', Object.assign(new Error('unsupported charset'), { status: 415 }), { status: 415, code: 'VALIDATION_FAILED' }],
  ['Redis away', new Error('Command timed out'), { status: 503, code: 'UNAVAILABLE' }],
  ['Redis full', new Error("OOM command not allowed when used memory > 'maxmemory'."), { status: 503, code: 'UNAVAILABLE' }],
  ['anything else keeps its secrets', new Error('password is hunter2'), { status: 500, code: 'INTERNAL', detail: 'the request failed inside the api; its log says why' }],
  ['no error at all', 'odd', { status: 500, code: 'INTERNAL' }],
])('%s', (_what, exception, problem) => {
  expect(toProblem(exception)).toMatchObject(problem);
});
