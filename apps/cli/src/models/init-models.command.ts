import { join } from 'node:path';
import { findModel, initStore, installModel, installPipeline } from '@function-runner/model-store';
import type { ModelCategory } from '@function-runner/model-manifest';
import { packageFiles } from '../reference/package-files.js';
import { readReferenceStores } from '../reference/read-reference-stores.js';
import type { ReferenceModel } from '../reference/reference-model.js';
import type { Terminal } from '../terminal/terminal.js';

/**
 * `runner models init`: the structure of the store, the reference models and their pipelines. What is there stays, so
 * a second run changes nothing; `replace` puts the checkout's pipeline files over those that differ.
 */
export async function initModels(root: string, pipelinesFolder: string, replace: boolean, terminal: Terminal): Promise<void> {
  const stores = await readReferenceStores(pipelinesFolder);
  const { created } = await initStore(root);
  terminal.out(created.length === 0 ? `model store ${root}: its structure is complete` : `model store ${root}: created ${created.length} folders and READMEs`);
  for (const { folder, models, pipelines } of stores) {
    for (const model of models) {
      const outcome = await installModel(root, describe(model), () => packageFiles(folder, model));
      terminal.out(`model ${model.id} ${model.version}: ${outcome}`);
    }
    for (const { file, manifest, plain } of pipelines) {
      const category = await categoryOf(root, manifest.model_id, models, file);
      const outcome = await installPipeline(root, category, plain, replace);
      terminal.out(`pipeline ${manifest.id}: ${outcome === 'kept' ? `kept, though it differs from ${file}; --replace puts that in its place` : outcome}`);
    }
  }
}

function describe({ source: _source, files: _files, ...description }: ReferenceModel): Omit<ReferenceModel, 'source' | 'files'> {
  return description;
}

/** A pipeline lies beside its model. */
async function categoryOf(root: string, modelId: string, models: readonly ReferenceModel[], file: string): Promise<ModelCategory> {
  const own = models.find(({ id }) => id === modelId);
  if (own !== undefined) return own.type;
  try {
    return (await findModel(root, modelId)).manifest.type;
  } catch (error) {
    throw new Error(`${file} runs the model ${modelId}, which is neither in ${join(file, '..', 'models.json')} nor in the store; name it in one of them`, { cause: error });
  }
}
