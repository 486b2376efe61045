import 'reflect-metadata';
import { plainToInstance } from 'class-transformer';
import { validateSync, type ValidationError } from 'class-validator';
import type { Problem } from './problem.js';

/** A value that passed, as an instance of its class, or everything that is wrong with it. */
export type Validated<T> = { ok: true; value: T } | { ok: false; problems: Problem[] };

/** How unknown properties are met: `refuse` for files people write (a typo must show), `drop` for clients ahead of us. */
export type UnknownProperties = 'refuse' | 'drop';

/**
 * Validates parsed JSON against a class decorated with class-validator.
 *
 * Prototype-polluting names never reach the instance: class-transformer copies only what `JSON.parse`
 * made own properties, and unknown ones are refused or dropped.
 */
export function validateClass<T extends object>(
  type: new () => T,
  plain: unknown,
  unknownProperties: UnknownProperties = 'refuse',
): Validated<T> {
  if (typeof plain !== 'object' || plain === null || Array.isArray(plain)) {
    return { ok: false, problems: [{ path: '', message: 'must be a JSON object', value: shorten(plain) }] };
  }
  const value = plainToInstance(type, plain);
  const errors = validateSync(value, {
    whitelist: true,
    forbidNonWhitelisted: unknownProperties === 'refuse',
    validationError: { target: false },
  });
  return errors.length === 0 ? { ok: true, value } : { ok: false, problems: errors.flatMap((e) => flatten(e, '')) };
}

function flatten(error: ValidationError, parent: string): Problem[] {
  const index = /^\d+$/.test(error.property);
  const path = index ? `${parent}[${error.property}]` : [parent, error.property].filter(Boolean).join('.');
  const own = Object.values(error.constraints ?? {}).map((message): Problem => {
    // class-validator begins its sentences with the property's name, which the path already says.
    const sentence = message.startsWith(`${error.property} `) ? message.slice(error.property.length + 1) : message;
    const found: unknown = error.value;
    return found === undefined ? { path, message: sentence } : { path, message: sentence, value: shorten(found) };
  });
  return [...own, ...(error.children ?? []).flatMap((child) => flatten(child, path))];
}

function shorten(value: unknown): string {
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
