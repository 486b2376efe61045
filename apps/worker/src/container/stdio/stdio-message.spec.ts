import fc from 'fast-check';
import { parseStdioLine } from './stdio-message.js';

const long = (length: number): string => 'x'.repeat(length);

describe('parseStdioLine', () => {
  it.each<[string, unknown]>([
    ['{"type":"progress","progress":42,"step":"upscaling"}', { type: 'progress', progress: 42, step: 'upscaling' }],
    ['{"type":"progress","progress":42}', { type: 'progress', progress: 42, step: undefined }],
    ['{"type":"progress","progress":33.3333333}', { type: 'progress', progress: 33.33, step: undefined }],
    ['{"type":"progress","progress":-5}', { type: 'progress', progress: 0, step: undefined }],
    ['{"type":"progress","progress":1e308}', { type: 'progress', progress: 100, step: undefined }],
    ['{"type":"progress","progress":1,"step":7}', { type: 'progress', progress: 1, step: undefined }],
    [`{"type":"progress","progress":1,"step":"${long(300)}"}`, { type: 'progress', progress: 1, step: long(200) }],
    ['{"type":"progress","progress":1,"step":"a\\u0000\\u001b[2Jb\\nc"}', { type: 'progress', progress: 1, step: 'a [2Jb c' }],
    ['{"type":"progress","progress":1,"step":"\\ud83c"}', { type: 'progress', progress: 1, step: '\ufffd' }],
    ['{"type":"preview","mediaType":"image/png","data":"aGk="}', { type: 'preview', mediaType: 'image/png', data: 'aGk=' }],
    ['{"type":"preview","mediaType":"image/webp","data":"aGk=","width":64,"height":32}', { type: 'preview', mediaType: 'image/webp', data: 'aGk=', width: 64, height: 32 }],
    ['{"type":"preview","mediaType":"image/png","data":"aGk=","width":-1,"height":1.5}', { type: 'preview', mediaType: 'image/png', data: 'aGk=' }],
    ['{"type":"output","path":"a/b.png","mediaType":"image/png"}', { type: 'output', path: 'a/b.png', mediaType: 'image/png' }],
    ['{"type":"output","path":"a","mediaType":"<script>"}', { type: 'output', path: 'a', mediaType: undefined }],
    ['{"type":"metric","name":"psnr","value":31.5}', { type: 'metric', name: 'psnr', value: 31.5 }],
    ['{"type":"log","level":"warn","message":"slow"}', { type: 'log', level: 'warn', message: 'slow' }],
    ['{"type":"log"}', { type: 'log', level: 'info', message: '' }],
    ['{"type":"error","code":"NO_SPACE","message":"full"}', { type: 'error', code: 'NO_SPACE', message: 'full' }],
    ['{"type":"error"}', { type: 'error', code: '', message: 'no message' }],
    ['{"type":"done"}', { type: 'done' }],
    // Whose task it is, the pipeline has no say in: further fields are dropped.
    ['{"type":"progress","progress":1,"task_id":"other","seq":9,"status":"completed","__proto__":{"x":1}}', { type: 'progress', progress: 1, step: undefined }],
  ])('reads %s', (line, expected) => {
    expect(parseStdioLine(line)).toEqual(expected);
  });

  it.each([
    '', 'hello', '42', 'null', '[]', '"progress"', '{', '{}', '{"type":"progress"}', ' {"type":"done"}', '{"type":"done"}trailing', '{"type":"Progress","progress":1}', '{"type":["progress"],"progress":1}',
    '{"type":"progress","progress":"42"}', '{"type":"progress","progress":1e999}', '{"type":"progress","progress":null}',
    '{"type":"preview","mediaType":"image/svg+xml","data":"aGk="}', '{"type":"preview","mediaType":"image/png","data":"not base64!"}', '{"type":"preview","mediaType":"image/png"}',
    `{"type":"preview","mediaType":"image/png","data":"${long(512 * 1024 + 1)}"}`,
    '{"type":"output","path":""}', '{"type":"output","path":7}', `{"type":"output","path":"${long(1025)}"}`,
    '{"type":"metric","name":"a b","value":1}', '{"type":"metric","name":"","value":1}', '{"type":"metric","name":"a","value":"1"}', `{"type":"metric","name":"${long(65)}","value":1}`,
    '{"type":"task_success","taskId":"other"}', '{"status":"completed","task_id":"other","seq":1}', `{"a":${'['.repeat(100_000)}`,
  ])('takes for log: %.60s', (line) => {
    expect(parseStdioLine(line)).toBeUndefined();
  });

  it('never throws, and gives nothing but bounded, well-formed messages', () => {
    const field = fc.oneof(fc.jsonValue(), fc.string({ unit: 'binary', maxLength: 300 }), fc.double());
    const object = fc.record({
      type: fc.constantFrom('progress', 'preview', 'output', 'metric', 'log', 'error', 'done', 'other'), progress: field, step: field, mediaType: field, data: field, path: field, name: field, value: field, level: field, message: field, code: field,
    }, { requiredKeys: ['type'] });
    fc.assert(fc.property(fc.oneof(object.map((value) => JSON.stringify(value)), fc.string({ unit: 'binary' })), (line) => {
      const message = parseStdioLine(line);
      if (message?.type === 'progress') {
        expect(message.progress).toBeGreaterThanOrEqual(0);
        expect(message.progress).toBeLessThanOrEqual(100);
        expect((message.step ?? '').length).toBeLessThanOrEqual(200);
        // eslint-disable-next-line no-control-regex -- control characters are exactly what must not be there
        expect(message.step ?? '').not.toMatch(/[\u0000-\u001f\u007f]/);
        expect(message.step ?? '').not.toMatch(/\p{Surrogate}/u);
      }
      expect(JSON.stringify(message ?? '').length).toBeLessThan(20_000);
    }));
  });
});
