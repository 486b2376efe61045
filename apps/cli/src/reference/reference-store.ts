import type { PipelineManifest } from '@function-runner/pipeline-schema';
import type { ReferenceModel } from './reference-model.js';

/** A pipeline file of a reference store. */
export interface ReferencePipeline {
  file: string;
  manifest: PipelineManifest;
  /** As it stands in the file: that is what goes into the model store. */
  plain: unknown;
}

/** What one folder `pipelines/<name>/store` offers. */
export interface ReferenceStore {
  /** The folder `pipelines/<name>`; the weights' packages are looked up from its package.json. */
  folder: string;
  models: readonly ReferenceModel[];
  pipelines: readonly ReferencePipeline[];
}
