/** @type {import('jest').Config} */
export default { displayName: 'image-upscale', preset: '../../jest.preset.js', testTimeout: 60_000 };
