import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout. */
export const REPOSITORY = fileURLToPath(new URL('../../../..', import.meta.url));

/** The entry of a built app. */
export function builtApp(name: 'api' | 'worker'): string {
  return join(REPOSITORY, 'apps', name, 'dist', 'main.js');
}
