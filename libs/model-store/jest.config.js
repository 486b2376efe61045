/** @type {import('jest').Config} */
export default { displayName: 'model-store', preset: '../../jest.preset.js' };
