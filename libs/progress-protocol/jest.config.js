/** @type {import('jest').Config} */
export default { displayName: 'progress-protocol', preset: '../../jest.preset.js' };
