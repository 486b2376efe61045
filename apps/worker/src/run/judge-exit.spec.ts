import { judgeExit, type ExitFacts } from './judge-exit.js';

const facts = (changes: Partial<ExitFacts> & { exitCode?: number; oomKilled?: boolean }): ExitFacts => {
  const { exitCode = 0, oomKilled = false, ...rest } = changes;
  return { exit: { exitCode, oomKilled }, reported: undefined, violation: undefined, memoryBytes: 512 * 1024 ** 2, lastLogLine: undefined, ...rest };
};

describe('judgeExit', () => {
  it.each<[string, ExitFacts]>([
    ['exit code 0', facts({})],
    ['exit code 0 although a child was killed for its memory', facts({ oomKilled: true })],
  ])('is content with %s', (_, given) => {
    expect(judgeExit(given)).toBeUndefined();
  });

  it.each<[string, ExitFacts, string, RegExp]>([
    ['137 with OOM', facts({ exitCode: 137, oomKilled: true }), 'OUT_OF_MEMORY', /memory limit of 512 MiB/],
    ['1 with OOM', facts({ exitCode: 1, oomKilled: true }), 'OUT_OF_MEMORY', /512 MiB/],
    ['OOM over the error that it caused', facts({ exitCode: 1, oomKilled: true, reported: { code: 'X', message: 'child died' } }), 'OUT_OF_MEMORY', /512 MiB/],
    ['137 without OOM', facts({ exitCode: 137 }), 'CONTAINER_EXITED', /killed from outside/],
    ['143', facts({ exitCode: 143 }), 'CONTAINER_EXITED', /exit code 143$/],
    ['1 with its last line', facts({ exitCode: 1, lastLogLine: 'Error: no such tile' }), 'CONTAINER_EXITED', /exit code 1; its last line: Error: no such tile/],
    ['a long last line', facts({ exitCode: 1, lastLogLine: 'x'.repeat(500) }), 'CONTAINER_EXITED', /: x{300}$/],
    ['a known error', facts({ exitCode: 1, reported: { code: 'INPUT_NOT_FOUND', message: 'no a.png' } }), 'INPUT_NOT_FOUND', /^no a\.png$/],
    ['a known error with exit code 0', facts({ reported: { code: 'NO_SPACE', message: 'full' } }), 'NO_SPACE', /^full$/],
    ['an error word of its own', facts({ exitCode: 1, reported: { code: 'BAD_TILE', message: 'tile 3' } }), 'CONTAINER_EXITED', /reported BAD_TILE: tile 3/],
    ['a code that is not a pipeline’s to say', facts({ exitCode: 1, reported: { code: 'WORKER_LOST', message: 'x' } }), 'CONTAINER_EXITED', /reported WORKER_LOST: x/],
    ['an error without a code', facts({ reported: { code: '', message: 'x' } }), 'CONTAINER_EXITED', /reported an error: x/],
    ['a property’s name as code', facts({ reported: { code: 'constructor', message: 'x' } }), 'CONTAINER_EXITED', /reported constructor/],
    ['a violation with exit code 0', facts({ violation: 'it announced too much' }), 'PROTOCOL_VIOLATION', /it announced too much/],
  ])('judges %s', (_, given, code, message) => {
    const fault = judgeExit(given);
    expect(fault?.code).toBe(code);
    expect(fault?.message).toMatch(message);
  });
});
