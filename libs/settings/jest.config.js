/** @type {import('jest').Config} */
export default { displayName: 'settings', preset: '../../jest.preset.js' };
