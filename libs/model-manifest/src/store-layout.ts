import { posix } from 'node:path';
import type { ModelCategory } from './model-category.js';

/**
 * Where things lie in the model store, as paths relative to its root:
 * `{category}/models/{id}/{version}/model.json`, `{category}/models/{id}/current.json`,
 * `{category}/pipelines/{pipeline id}.json`, `{category}/configs/`.
 */
export const storeLayout = {
  models: (category: ModelCategory): string => posix.join(category, 'models'),
  pipelines: (category: ModelCategory): string => posix.join(category, 'pipelines'),
  configs: (category: ModelCategory): string => posix.join(category, 'configs'),
  model: (category: ModelCategory, id: string): string => posix.join(category, 'models', id),
  current: (category: ModelCategory, id: string): string => posix.join(category, 'models', id, 'current.json'),
  version: (category: ModelCategory, id: string, version: string): string => posix.join(category, 'models', id, version),
  /** A pipeline's file; the colon of its id becomes a dash, since some file systems refuse it. */
  pipeline: (category: ModelCategory, pipelineId: string): string => posix.join(category, 'pipelines', `${pipelineId.replace(':', '-')}.json`),
};
