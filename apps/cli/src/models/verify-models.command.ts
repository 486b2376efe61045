import { readModels, verifyModel } from '@function-runner/model-store';
import type { Terminal } from '../terminal/terminal.js';

/**
 * `runner models verify`: holds every file of every version against its manifest; `quick` compares sizes only.
 * @returns whether all is well.
 */
export async function verifyModels(root: string, quick: boolean, terminal: Terminal): Promise<boolean> {
  const { models, faults } = await readModels(root);
  for (const fault of faults) terminal.err(fault);
  let sound = faults.length === 0;
  for (const model of models) {
    const { id, version } = model.manifest;
    const own = await verifyModel(model, !quick);
    sound &&= own.length === 0;
    if (own.length === 0) terminal.out(`${id} ${version}: ${model.manifest.files.length} files ${quick ? 'of the right size' : 'verified'}`);
    for (const fault of own) terminal.err(`${id} ${version}: ${fault}; remove ${model.folder} and install the model again`);
  }
  if (models.length === 0) terminal.out(`no model in ${root}; install the reference models with: npx runner models init`);
  return sound;
}
