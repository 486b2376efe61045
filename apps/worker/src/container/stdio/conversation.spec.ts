import { Conversation } from './conversation.js';

interface Heard {
  conversation: Conversation;
  progress: [number, string | undefined][];
  previews: string[];
}

function listen(): Heard {
  const progress: Heard['progress'] = [];
  const previews: string[] = [];
  const conversation = new Conversation({ progress: (value, step) => progress.push([value, step]), preview: ({ mediaType }) => previews.push(mediaType) });
  return { conversation, progress, previews };
}

const lines = (...values: unknown[]): Buffer => Buffer.from(values.map((value) => `${typeof value === 'string' ? value : JSON.stringify(value)}\n`).join(''));

describe('Conversation', () => {
  it('takes a run’s facts from stdout and keeps the rest as log', () => {
    const { conversation, progress, previews } = listen();
    conversation.stdout(lines(
      'loading', { type: 'progress', progress: 10, step: 'a' }, { type: 'preview', mediaType: 'image/png', data: 'aGk=' }, { type: 'output', path: 'x.png', mediaType: 'image/png' },
      { type: 'output', path: 'y' }, { type: 'metric', name: 'psnr', value: 30 }, { type: 'metric', name: 'psnr', value: 31 }, { type: 'log', level: 'warn', message: 'slow' }, { type: 'done' },
    ));
    conversation.stderr(Buffer.from('a warning\nand no end'));
    conversation.stdout(Buffer.from('{"type":"progress","progress":20'));
    conversation.stdout(Buffer.from(',"step":"b"}'));
    conversation.end();
    expect(progress).toEqual([[10, 'a'], [20, 'b']]);
    expect(previews).toEqual(['image/png']);
    expect(conversation.outputs).toEqual([{ path: 'x.png', mediaType: 'image/png' }, { path: 'y', mediaType: undefined }]);
    expect(conversation.metrics).toEqual({ psnr: 31 });
    expect(conversation.log.read()).toEqual(['loading', 'warn: slow', 'a warning', 'and no end']);
    expect(conversation.error).toBeUndefined();
    expect(conversation.violation).toBeUndefined();
  });

  it('remembers the last error, in the log too', () => {
    const { conversation } = listen();
    conversation.stdout(lines({ type: 'error', code: 'A', message: 'first' }, { type: 'error', code: 'NO_SPACE', message: 'second' }));
    expect(conversation.error).toEqual({ code: 'NO_SPACE', message: 'second' });
    expect(conversation.log.read()).toEqual(['error A: first', 'error NO_SPACE: second']);
  });

  it('believes no protocol on stderr', () => {
    const { conversation, progress } = listen();
    conversation.stderr(lines({ type: 'progress', progress: 50 }, { type: 'error', code: 'X', message: 'y' }));
    expect(progress).toEqual([]);
    expect(conversation.error).toBeUndefined();
  });

  it('ends twice without saying anything twice', () => {
    const { conversation } = listen();
    conversation.stderr(Buffer.from('half'));
    conversation.end();
    conversation.end();
    expect(conversation.log.read()).toEqual(['half']);
  });

  it('takes an overlong message for log', () => {
    const { conversation, progress } = listen();
    conversation.stdout(lines({ type: 'progress', progress: 50, padding: 'x'.repeat(1024 * 1024) }));
    expect(progress).toEqual([]);
    expect(conversation.log.read()[0]).toHaveLength(500 + '… (cut)'.length);
  });

  it('stays bounded in a flood of everything', () => {
    const { conversation } = listen();
    const flood = lines(...Array.from({ length: 1000 }, (_, index) => [`noise ${'x'.repeat(600)}`, JSON.stringify({ type: 'metric', name: `m${index}`, value: index }), JSON.stringify({ type: 'output', path: `o${index}` })]).flat());
    for (let round = 0; round < 20; round += 1) {
      conversation.stdout(flood);
      conversation.stderr(Buffer.alloc(100_000, round % 2 === 0 ? 0xff : 'x'));
    }
    conversation.end();
    expect(conversation.outputs).toHaveLength(10_000);
    expect(conversation.violation).toBe('it announced more than 10000 outputs');
    expect(Object.keys(conversation.metrics)).toHaveLength(64);
    expect(conversation.log.read().join('').length).toBeLessThan(101 * 520);
    expect(conversation.log.total).toBeGreaterThan(20_000);
  });
});
