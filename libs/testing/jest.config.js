/** @type {import('jest').Config} */
export default { displayName: 'testing', preset: '../../jest.preset.js' };
