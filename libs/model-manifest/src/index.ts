export { MODEL_CATEGORIES } from './model-category.js';
export type { ModelCategory } from './model-category.js';
export { ModelDescription, ModelRequirements } from './model-description.js';
export { ModelFile, ModelManifest } from './model-manifest.js';
export { validateModelManifest } from './validate-model-manifest.js';
export { compareVersions } from './compare-versions.js';
export { storeLayout } from './store-layout.js';
