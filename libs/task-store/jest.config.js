/** @type {import('jest').Config} */
export default { displayName: 'task-store', preset: '../../jest.preset.js' };
