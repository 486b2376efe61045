import { describe, expect, test } from '@jest/globals';
import 'reflect-metadata';
import { Type } from 'class-transformer';
import { IsArray, IsIn, IsInt, IsOptional, Max, Min, ValidateNested } from 'class-validator';
import { jsonSchemaOf } from './json-schema-of.js';

class Wheel {
  @IsInt() @Min(1) @Max(40)
  inches!: number;
}
class Vehicle {
  @IsIn(['red', 'blue'])
  colour!: string;
}
class Bicycle extends Vehicle {
  @IsArray() @ValidateNested({ each: true }) @Type(() => Wheel)
  wheels!: Wheel[];
  @IsOptional() @IsInt()
  bells?: number;
}
/** Loaded, and in no schema that does not name it. */
class Unrelated {
  @IsInt()
  a!: number;
}

describe('jsonSchemaOf', () => {
  test('says what the decorators say, with nested and inherited classes and nothing else', () => {
    expect(jsonSchemaOf(Bicycle, 'A bicycle')).toEqual({
      $schema: 'http://json-schema.org/draft-07/schema#',
      title: 'A bicycle',
      type: 'object',
      additionalProperties: false,
      required: ['wheels', 'colour'],
      properties: {
        colour: { type: 'string', enum: ['red', 'blue'] },
        wheels: { type: 'array', items: { $ref: '#/definitions/Wheel' } },
        bells: { type: 'integer' },
      },
      definitions: { Wheel: { type: 'object', additionalProperties: false, required: ['inches'], properties: { inches: { type: 'integer', minimum: 1, maximum: 40 } } } },
    });
    expect(Object.keys(jsonSchemaOf(Unrelated, 'x'))).not.toContain('definitions');
  });

  test('refuses a class without decorators', () => {
    expect(() => jsonSchemaOf(class Plain {}, 'x')).toThrow('Plain has no class-validator decorators');
  });
});
