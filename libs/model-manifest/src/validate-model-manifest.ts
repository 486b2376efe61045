import { validateClass, type Validated } from '@function-runner/class-schema';
import { ModelManifest } from './model-manifest.js';

/** Names that the store itself keeps in a model's folder. */
const RESERVED = new Set(['model.json', 'current.json']);

/** Validates a parsed `model.json`; file names must differ even where a file system folds case. */
export function validateModelManifest(plain: unknown): Validated<ModelManifest> {
  const shape = validateClass(ModelManifest, plain);
  if (!shape.ok) return shape;
  const seen = new Set<string>();
  const problems = shape.value.files.flatMap(({ name }, index) => {
    const folded = name.toLowerCase();
    const path = `files[${index}].name`;
    if (RESERVED.has(folded)) return [{ path, message: 'is the name of a file that the store keeps itself', value: name }];
    if (seen.has(folded)) return [{ path, message: 'stands twice, or differs only in case', value: name }];
    seen.add(folded);
    return [];
  });
  return problems.length > 0 ? { ok: false, problems } : shape;
}
