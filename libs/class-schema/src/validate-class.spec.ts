import { describe, expect, test } from '@jest/globals';
import 'reflect-metadata';
import { Type } from 'class-transformer';
import { IsArray, IsInt, IsObject, IsOptional, IsString, Min, ValidateNested } from 'class-validator';
import { describeProblems } from './describe-problems.js';
import { validateClass } from './validate-class.js';

class Leaf {
  @IsInt() @Min(1)
  count!: number;
}
class Tree {
  @IsString()
  name!: string;
  @IsArray() @ValidateNested({ each: true }) @Type(() => Leaf)
  leaves!: Leaf[];
  @IsOptional() @IsObject()
  free?: Record<string, unknown>;
}

describe('validateClass', () => {
  test('gives an instance of what passes', () => {
    const checked = validateClass(Tree, { name: 'a', leaves: [{ count: 1 }], free: { x: [1] } });
    expect(checked).toEqual({ ok: true, value: { name: 'a', leaves: [{ count: 1 }], free: { x: [1] } } });
    expect(checked.ok && checked.value).toBeInstanceOf(Tree);
    expect(checked.ok && checked.value.leaves[0]).toBeInstanceOf(Leaf);
  });

  test.each<[string, unknown, string[]]>([
    ['a missing text', { leaves: [] }, ['name: must be a string']],
    ['a wrong type', { name: 7, leaves: [] }, ['name: must be a string (found 7)']],
    ['a fault deep inside', { name: 'a', leaves: [{ count: 1 }, { count: 0 }] }, ['leaves[1].count: must not be less than 1 (found 0)']],
    ['an unknown property', { name: 'a', leaves: [], extra: 1 }, ['extra: property extra should not exist (found 1)']],
    ['an unknown property deep inside', { name: 'a', leaves: [{ count: 1, extra: 1 }] }, ['leaves[0].extra: property extra should not exist (found 1)']],
    ['an array', [], ['value: must be a JSON object (found [])']],
    ['null', null, ['value: must be a JSON object (found null)']],
    ['nothing', undefined, ['value: must be a JSON object (found undefined)']],
  ])('names place, rule and value of %s', (_what, plain, lines) => {
    const checked = validateClass(Tree, plain);
    expect(checked.ok ? '' : describeProblems(checked.problems)).toBe(lines.join('\n'));
  });

  test('finds every fault, not only the first', () => {
    const checked = validateClass(Tree, { leaves: [{ count: 'x' }] });
    expect(checked.ok ? [] : checked.problems.map(({ path }) => path)).toEqual(['name', 'leaves[0].count', 'leaves[0].count']);
  });

  test('drops unknown properties where told to', () => {
    expect(validateClass(Tree, { name: 'a', leaves: [], extra: 1 }, 'drop')).toEqual({ ok: true, value: { name: 'a', leaves: [] } });
  });

  test.each(['{"name":"a","leaves":[],"__proto__":{"polluted":1}}', '{"name":"a","leaves":[],"free":{"__proto__":{"polluted":1}}}', '{"name":"a","leaves":[],"constructor":{"prototype":{"polluted":1}}}'])('lets no prototype be reached: %s', (text) => {
    const checked = validateClass(Tree, JSON.parse(text), 'drop');
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
    if (checked.ok) {
      expect((checked.value as { polluted?: number }).polluted).toBeUndefined();
      expect(checked.value).toBeInstanceOf(Tree);
    }
  });

  test('cuts a long value short', () => {
    const checked = validateClass(Tree, { name: ['x'.repeat(500)], leaves: [] });
    expect(checked.ok ? 0 : (checked.problems[0]?.value ?? '').length).toBe(78);
  });
});
