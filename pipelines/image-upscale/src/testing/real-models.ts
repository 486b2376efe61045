import { cpSync, mkdirSync, renameSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, sep } from 'node:path';

const require = createRequire(import.meta.url);

/** Installs a model of the @upscalerjs packages below `modelsPath`, as the runner's set-up does by store/models.json. */
export function installModel(modelsPath: string, kind: 'slim' | 'medium' | 'thick', scale: 2 | 4): string {
  const folder = join(modelsPath, `esrgan-${kind}-x${scale}`);
  mkdirSync(folder, { recursive: true });
  cpSync(join(packageFolder(kind), 'models', `x${scale}`), folder, { recursive: true });
  renameSync(join(folder, 'model.json'), join(folder, 'topology.json'));
  return folder;
}

/** A photo of a hibiscus, 128 x 128 pixels, that comes with the models (MIT, © Kevin Scott). */
export const FLOWER = join(packageFolder('slim'), 'assets', 'fixture.png');

/** By way of an entry point, because these packages do not export their package.json. */
function packageFolder(kind: string): string {
  const [folder = ''] = require.resolve(`@upscalerjs/esrgan-${kind}`).split(`${sep}dist${sep}`);
  return folder;
}
