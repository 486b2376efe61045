import { beforeEach, describe, expect, it } from '@jest/globals';
import { HeardOutput } from './heard-output.js';

let out: string;
let err: string;
let heard: HeardOutput;

beforeEach(() => {
  out = '';
  err = '';
  heard = new HeardOutput({ stdout: (chunk) => (out += chunk.toString('latin1')), stderr: (chunk) => (err += chunk.toString('latin1')) });
});

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

describe('a log that is read from its beginning', () => {
  it.each([
    { cut: 'in the middle of a line', before: ['one\ntw'], log: ['one\ntwo\nthree\n'] },
    { cut: 'at a line’s end', before: ['one\n', 'two\n'], log: ['one\n', 'two\n', 'three\n'] },
    { cut: 'within a chunk of the log', before: ['o', 'ne\nt'], log: ['on', 'e\ntwo\nth', 'ree\n'] },
    { cut: 'before anything was said', before: [], log: ['one\ntwo\n', 'three\n'] },
    { cut: 'after everything', before: ['one\ntwo\nthree\n'], log: ['one\ntwo\nthree\n'] },
  ])('gives what was missed, once, after a cut $cut', ({ before, log }) => {
    for (const chunk of before) heard.stdout(bytes(chunk));
    const rereading = heard.reread();
    for (const chunk of log) rereading.stdout(bytes(chunk));
    expect([out, rereading.isComplete, rereading.isTorn]).toEqual(['one\ntwo\nthree\n', true, false]);
  });

  it('keeps the two streams apart, and can be read again and again', () => {
    heard.stdout(bytes('o1'));
    heard.stderr(bytes('e1'));
    for (const log of [[['o1o2'], ['e1']], [['o1', 'o2o3'], ['e1e2']]] as const) {
      const rereading = heard.reread();
      log[0].forEach((chunk) => rereading.stdout(bytes(chunk)));
      log[1].forEach((chunk) => rereading.stderr(bytes(chunk)));
      expect(rereading.isComplete).toBe(true);
    }
    expect([out, err]).toEqual(['o1o2o3', 'e1e2']);
  });

  it.each([
    { why: 'begins with something else', log: 'xne\ntwo\nthree\n', isTorn: true },
    { why: 'lost its beginning', log: 'two\nthree\n', isTorn: true },
    { why: 'is shorter than what was heard', log: 'one', isTorn: false },
    { why: 'is empty', log: '', isTorn: false },
  ])('is not believed, and gives nothing, where it $why', ({ log, isTorn }) => {
    heard.stdout(bytes('one\ntwo\n'));
    const rereading = heard.reread();
    if (log !== '') rereading.stdout(bytes(log));
    expect([out, rereading.isComplete, rereading.isTorn]).toEqual(['one\ntwo\n', false, isTorn]);
  });
});
