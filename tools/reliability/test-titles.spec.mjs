// @ts-check
import { expect, test } from '@jest/globals';
import { testTitles } from './test-titles.mjs';

test('tests are found by their groups and titles, as they are written', () => {
  const source = `
    import { it } from 'somewhere';
    it('stands alone', () => undefined);
    describe('a group', () => {
      beforeAll(() => undefined);
      it.each<[string, number]>([['a', 1]])('with a table of %s', (name) => { expect(name).toBe('no title'); });
      describe.each(['x'] as const)('and one below', () => { test(\`run \${COUNT} times\`, async () => wait('not one')); });
      describeAsRoot('on some machines', () => { it("quotes ’ and \\" are itself", () => undefined); });
    });
  `;
  expect(testTitles(source)).toEqual([
    'stands alone',
    'a group › with a table of %s',
    'a group › and one below › run ${COUNT} times',
    'a group › on some machines › quotes ’ and " are itself',
  ]);
});

test('what is not run is no test', () => {
  expect(testTitles(`it.skip('a', f); it.todo('b'); describe.skip('c', () => { it('d', f); }); it.skip.each([1])('e', f); it.failing('f', f); // it('g', f)`)).toEqual([]);
});
