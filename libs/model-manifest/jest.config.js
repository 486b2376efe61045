/** @type {import('jest').Config} */
export default { displayName: 'model-manifest', preset: '../../jest.preset.js' };
