/** @type {import('jest').Config} */
export default { displayName: 'task-contract', preset: '../../jest.preset.js' };
