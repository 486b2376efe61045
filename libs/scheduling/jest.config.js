/** @type {import('jest').Config} */
export default { displayName: 'scheduling', preset: '../../jest.preset.js' };
