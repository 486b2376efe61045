import type { BookState } from '@function-runner/lease-book';
import { BookMirror } from './book-mirror.js';

function bookOf(leased: Record<string, number>): BookState {
  return { now: 1, totals: { 'gpu:a': 24, memory: 100 }, leased, reserved: {}, leases: [] };
}

/** A book whose readings are answered by the test, in order: each with what stood in it when the question was sent. */
class SlowBook {
  readonly questions: { answer: (state: BookState) => void; fail: (error: Error) => void }[] = [];

  read(): Promise<BookState> {
    return new Promise((answer, fail) => this.questions.push({ answer, fail }));
  }

  answer(leased: Record<string, number>): void {
    this.questions.shift()?.answer(bookOf(leased));
  }
}

async function mirrorOf(leased: Record<string, number>): Promise<{ book: SlowBook; mirror: BookMirror }> {
  const book = new SlowBook();
  const mirror = new BookMirror(book);
  const reading = mirror.refresh();
  book.answer(leased);
  await reading;
  return { book, mirror };
}

describe('BookMirror', () => {
  it('knows nothing before it has read', () => {
    const mirror = new BookMirror(new SlowBook());
    expect(mirror.isStale).toBe(true);
    expect(() => mirror.current).toThrow('has not been read yet');
  });

  it('shows what was read, with what was leased and given back since', async () => {
    const { mirror } = await mirrorOf({ 'gpu:a': 8 });
    expect([mirror.isStale, mirror.current]).toEqual([false, bookOf({ 'gpu:a': 8 })]);
    mirror.enter({ 'gpu:a': 12, memory: 5 });
    mirror.enter({ 'gpu:a': -8 });
    expect(mirror.current).toEqual(bookOf({ 'gpu:a': 12, memory: 5 }));
    // What is entered is known: it makes nothing stale.
    expect(mirror.isStale).toBe(false);
  });

  it('leaves alone what it has handed out', async () => {
    const { mirror } = await mirrorOf({ 'gpu:a': 8 });
    const before = mirror.current;
    mirror.enter({ 'gpu:a': 1 });
    const { current: after } = mirror;
    expect([before.totals, after.leased]).toEqual([{ 'gpu:a': 24, memory: 100 }, { 'gpu:a': 9 }]);
  });

  it('enters again what was sent while a reading was under way, whose answer cannot hold it, and nothing twice', async () => {
    const { book, mirror } = await mirrorOf({});
    mirror.enter({ memory: 1 });
    const reading = mirror.refresh();
    mirror.enter({ memory: 10 });
    mirror.enter({ 'gpu:a': 8 });
    // Meanwhile it is in the copy that there is.
    expect(mirror.current.leased).toEqual({ memory: 11, 'gpu:a': 8 });
    mirror.enter({ 'gpu:a': -8 });
    // The answer has what was sent before the question, and what others did.
    book.answer({ memory: 3 });
    await reading;
    expect(mirror.current.leased).toEqual({ memory: 13, 'gpu:a': 0 });
    const next = mirror.refresh();
    book.answer({ memory: 13 });
    await next;
    expect(mirror.current.leased).toEqual({ memory: 13 });
  });

  it('is stale when somebody else has changed the book, until it is read; when that came while it was being read, still', async () => {
    const { book, mirror } = await mirrorOf({});
    mirror.expire();
    expect(mirror.isStale).toBe(true);
    const reading = mirror.refresh();
    mirror.expire();
    book.answer({ memory: 1 });
    await reading;
    expect([mirror.isStale, mirror.current.leased]).toEqual([true, { memory: 1 }]);
    const next = mirror.refresh();
    book.answer({ memory: 2 });
    await next;
    expect([mirror.isStale, mirror.current.leased]).toEqual([false, { memory: 2 }]);
  });

  it('stays as it was, and stale, where the book cannot be read', async () => {
    const { book, mirror } = await mirrorOf({ memory: 1 });
    const reading = mirror.refresh();
    mirror.enter({ memory: 1 });
    book.questions.shift()?.fail(new Error('Redis is away'));
    await expect(reading).rejects.toThrow('Redis is away');
    expect([mirror.isStale, mirror.current.leased]).toEqual([true, { memory: 2 }]);
    // What was sent in vain under that reading is not entered into the next one.
    const next = mirror.refresh();
    book.answer({ memory: 2 });
    await next;
    expect(mirror.current.leased).toEqual({ memory: 2 });
  });
});
