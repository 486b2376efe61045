import { expect, test } from '@jest/globals';
import { RecentIds } from './recent-ids.js';

test('the newest are known, the oldest forgotten, and seeing one again makes it new', () => {
  const ids = new RecentIds(2);
  for (const id of ['a', 'b', 'a', 'c']) ids.add(id);
  expect(['a', 'b', 'c'].filter((id) => ids.has(id))).toEqual(['a', 'c']);
  ids.delete('a');
  expect(ids.has('a')).toBe(false);
});
