/** @type {import('jest').Config} */
export default { displayName: 'class-schema', preset: '../../jest.preset.js' };
