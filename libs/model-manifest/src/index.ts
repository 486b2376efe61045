export { MODEL_CATEGORIES } from './model-category.js';
export type { ModelCategory } from './model-category.js';
export { ModelFile, ModelManifest, ModelRequirements } from './model-manifest.js';
export { validateModelManifest } from './validate-model-manifest.js';
export { compareVersions } from './compare-versions.js';
export { storeLayout } from './store-layout.js';
