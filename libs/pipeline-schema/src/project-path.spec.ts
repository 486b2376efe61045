import { posix } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseProjectPath } from './project-path.js';

describe('parseProjectPath', () => {
  test.each([
    ['plates/a.png', 'plates/a.png'], ['a', 'a'], ['./plates//a.png', 'plates/a.png'], ['/workspace/My Film/outputs/x.png', 'outputs/x.png'], ['..a/b..', '..a/b..'], ['...', '...'],
    ['ünïcode/フィルム.png', 'ünïcode/フィルム.png'], ['plates/', 'plates'], ['workspace/My Film/a', 'workspace/My Film/a'],
  ])('takes %p as %p', (text, relative) => {
    expect(parseProjectPath(text, 'My Film')).toEqual({ ok: true, relative });
  });

  test.each([
    ['', 'empty'], ['  ', 'empty'], ['.', 'empty'], ['./', 'empty'], ['/workspace/My Film/', 'empty'], ['x'.repeat(3073), 'too-long'], ['a\0b', 'control-character'], ['a\nb', 'control-character'], ['a\u007f', 'control-character'],
    ['a\\b', 'backslash'], ['..\\x', 'backslash'], ['/etc/passwd', 'absolute'], ['/workspace/Other/x', 'absolute'], ['/workspace/My Film', 'absolute'], ['//x', 'absolute'], ['/workspace/My Film//etc', 'absolute'], [' /', 'empty'],
    ['..', 'leaves-project'], ['../x', 'leaves-project'], ['a/../../x', 'leaves-project'], ['a/..', 'leaves-project'], ['/workspace/My Film/../x', 'leaves-project'],
    ['%2e%2e/x', 'leaves-project'], ['.%2E/x', 'leaves-project'], ['a%2f..%2fx', 'leaves-project'], ['a%5Cb', 'leaves-project'], ['a%00', 'leaves-project'],
  ])('%p: %p', (text, fault) => {
    const path = parseProjectPath(text, 'My Film');
    expect(path.ok ? undefined : path.fault).toBe(fault);
  });

  test('what it takes never leaves the project, as it stands or decoded once', () => {
    const segment = fc.constantFrom('..', '.', '', '/', 'a', '%2e%2e', '.%2e', '%2E.', '%2f', '%5c', '\\', '\0', ' ', '/workspace/P/', '/workspace/', '..\u200b', '．．', '~', '$HOME', 'C:');
    const hostile = fc.array(fc.oneof({ weight: 4, arbitrary: segment }, { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 6 }) }), { maxLength: 12 });
    fc.assert(
      fc.property(hostile, fc.constantFrom('', '/'), (parts, separator) => {
        const path = parseProjectPath(parts.join(separator), 'P');
        if (!path.ok) return;
        for (const form of [path.relative, decodedOnce(path.relative)]) {
          expect(posix.resolve('/workspace/P', form)).toMatch(/^\/workspace\/P\/./s);
          expect(form).not.toMatch(/[\0\\]/);
        }
        // Read again, it says the same.
        expect(parseProjectPath(path.relative, 'P')).toEqual(path);
      }),
      { numRuns: 3000 },
    );
  });
});

function decodedOnce(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
