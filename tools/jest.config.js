/** @type {import('jest').Config} */
export default {
  displayName: 'tools',
  testEnvironment: 'node',
  testMatch: ['<rootDir>/**/*.spec.mjs'],
  moduleFileExtensions: ['mjs', 'js', 'json', 'node'],
  // Plain modules, run as they are.
  transform: {},
  // Real servers and images are started.
  testTimeout: 60_000,
  coverageProvider: 'v8',
};
