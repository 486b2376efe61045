/** @type {import('jest').Config} */
export default { displayName: 'pipeline-schema', preset: '../../jest.preset.js' };
