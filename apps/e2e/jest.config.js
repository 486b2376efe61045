/** @type {import('jest').Config} */
export default { displayName: 'e2e', preset: '../../jest.preset.js', testTimeout: 60000 };
