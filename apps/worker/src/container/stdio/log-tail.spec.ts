import { LogTail } from './log-tail.js';

describe('LogTail', () => {
  it('keeps what was printed', () => {
    const log = new LogTail();
    expect(log.read()).toEqual([]);
    log.add('a');
    log.add('');
    expect(log.read()).toEqual(['a', '']);
    expect(log.total).toBe(2);
  });

  it('keeps the last hundred lines and says how many came before', () => {
    const log = new LogTail();
    for (let line = 1; line <= 250; line += 1) log.add(`line ${line}`);
    expect(log.read()).toHaveLength(101);
    expect(log.read()[0]).toBe('… 150 earlier lines');
    expect(log.read()[1]).toBe('line 151');
    expect(log.read().at(-1)).toBe('line 250');
  });

  it('cuts a long line and says so', () => {
    const log = new LogTail();
    log.add('x'.repeat(500));
    log.add('x'.repeat(501));
    expect(log.read()).toEqual(['x'.repeat(500), `${'x'.repeat(500)}… (cut)`]);
  });

  it('gives a copy', () => {
    const log = new LogTail();
    log.add('a');
    log.read().push('b');
    expect(log.read()).toEqual(['a']);
  });
});
