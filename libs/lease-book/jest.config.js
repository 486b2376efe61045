/** @type {import('jest').Config} */
export default { displayName: 'lease-book', preset: '../../jest.preset.js' };
