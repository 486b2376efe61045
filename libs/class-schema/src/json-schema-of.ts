import 'reflect-metadata';
import { createRequire } from 'node:module';
import { getMetadataStorage } from 'class-validator';
import { validationMetadatasToSchemas } from 'class-validator-jsonschema';

const { defaultMetadataStorage } = createRequire(import.meta.url)('class-transformer/cjs/storage') as {
  defaultMetadataStorage: object;
};

/** The JSON Schema (draft 7) of a decorated class, made from the same decorators that validate; nested classes are `definitions`. */
export function jsonSchemaOf(type: new () => object, title: string): Record<string, unknown> {
  const all = validationMetadatasToSchemas({
    classTransformerMetadataStorage: defaultMetadataStorage as never,
    classValidatorMetadataStorage: getMetadataStorage(),
    refPointerPrefix: '#/definitions/',
  });
  const { [type.name]: root, ...rest } = all as Record<string, Record<string, unknown>>;
  if (root === undefined) throw new Error(`${type.name} has no class-validator decorators`);
  const definitions = reachable(root, rest);
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title,
    additionalProperties: false,
    ...root,
    ...(Object.keys(definitions).length > 0 ? { definitions } : {}),
  };
}

/** Only the classes that the root names, directly or not: the storage holds every class loaded so far. */
function reachable(root: unknown, all: Record<string, unknown>, found: Record<string, unknown> = {}): Record<string, unknown> {
  for (const [, name] of JSON.stringify(root).matchAll(/"#\/definitions\/([^"]+)"/g)) {
    if (name === undefined || name in found || !(name in all)) continue;
    // As validateClass has it: what no decorator names is refused.
    found[name] = { additionalProperties: false, ...(all[name] as object) };
    reachable(all[name], all, found);
  }
  return found;
}
