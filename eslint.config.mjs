// The rules of architecture.md §2 that a machine can check. What depends on folders inside an app is in
// .dependency-cruiser.cjs; tools/lint-rules.spec.mjs plants a violation of each rule and expects it to be found.
import { readFileSync, readdirSync } from 'node:fs';
import js from '@eslint/js';
import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';
import { plainNames } from './tools/lint/plain-names.rule.mjs';

/** Specs, and what several specs of one project start: `*.fixture.ts`, which nothing else may import (.dependency-cruiser.cjs). */
const SPECS = ['**/*.spec.ts', '**/*.spec.mjs', '**/*.fixture.ts'];

/** The libs that hold contracts, by their tag: what both apps and the outside rely on, so without any machinery. */
const contractLibs = readdirSync(new URL('./libs', import.meta.url)).filter((name) => {
  try {
    return JSON.parse(readFileSync(new URL(`./libs/${name}/package.json`, import.meta.url), 'utf8')).nx.tags.includes('layer:contract');
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return false;
    throw error;
  }
});

const FORBIDDEN_IMPORTS = {
  nest: { regex: '^@nestjs/', message: 'Libs know no framework: what needs Nest belongs into an app.' },
  bullmq: { regex: '^bullmq(/|$)', message: 'BullMQ sits behind one adapter of each app: apps/api/src/queue/*.adapter.ts, apps/worker/src/intake/*.adapter.ts.' },
  ioredis: { regex: '^(ioredis|redis)(/|$)', message: 'Contract libs and the CLI do no I/O; Redis is reached through @function-runner/task-store.' },
  // Its types may be named elsewhere: they hold what we make against what it takes, and are gone at run time.
  dockerode: { regex: '^dockerode(/|$)', allowTypeImports: true, message: 'dockerode sits behind one file: apps/worker/src/container/docker-daemon.adapter.ts.' },
  socketIo: { regex: '^socket\\.io(-client|-adapter|-parser)?(/|$)|^@nestjs/(websockets|platform-socket\\.io)(/|$)', message: 'The worker speaks to clients through the event log alone; Socket.IO is the api’s.' },
};

/** Forbids imports in some files; a later block for the same files replaces this one, so each names all that stays forbidden. */
function forbidImports(files, names, ignores = []) {
  return { files, ignores, rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns: names.map((name) => FORBIDDEN_IMPORTS[name]) }] } };
}

const boundaries = (withTesting) => ['error', {
  enforceBuildableLibDependency: false,
  allow: [],
  depConstraints: [
    { sourceTag: 'layer:contract', onlyDependOnLibsWithTags: ['layer:contract', ...withTesting] },
    { sourceTag: 'layer:adapter', onlyDependOnLibsWithTags: ['layer:contract', 'layer:adapter', ...withTesting] },
    { sourceTag: 'layer:testing', onlyDependOnLibsWithTags: ['layer:contract', 'layer:adapter', 'layer:testing'] },
    { sourceTag: 'type:app', onlyDependOnLibsWithTags: ['layer:contract', 'layer:adapter', ...withTesting] },
    // A reference pipeline is written as an outside author would: it knows the protocol, not our code.
    { sourceTag: 'type:pipeline', onlyDependOnLibsWithTags: [...withTesting] },
    { sourceTag: 'type:tool', onlyDependOnLibsWithTags: ['type:lib'] },
    { sourceTag: 'type:e2e', onlyDependOnLibsWithTags: ['*'] },
  ],
}];

const READS_ENVIRONMENT = [
  'MemberExpression[object.name="process"][property.name="env"]',
  'MemberExpression[object.name="process"][property.value="env"]',
  'MemberExpression[object.property.name="process"][property.name="env"]',
  'VariableDeclarator[init.name="process"] > ObjectPattern > Property[key.name="env"]',
  'ImportDeclaration[source.value=/^(node:)?process$/]',
].map((selector) => ({ selector, message: 'The environment is read in config/ alone; take the value from there.' }));

export default tseslint.config(
  { ignores: ['**/dist/**', '**/out-tsc/**', '**/coverage/**', '**/node_modules/**', '.nx/**', '.runner/**', 'workspace/**'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  {
    plugins: { runner: { rules: { 'plain-names': plainNames } } },
    rules: {
      'runner/plain-names': 'error',
      'no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrorsIgnorePattern: '^_' }],
      'no-empty': ['error', { allowEmptyCatch: false }],
      eqeqeq: ['error', 'always'],
    },
  },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { '@nx': nx },
    rules: {
      // A type-only import of a class breaks what Nest reads from its constructor's metadata.
      '@typescript-eslint/consistent-type-imports': 'off',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrorsIgnorePattern: '^_' }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unnecessary-type-assertion': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/prefer-promise-reject-errors': 'error',
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      '@typescript-eslint/ban-ts-comment': ['error', { minimumDescriptionLength: 10 }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // An async method without await is how a synchronous implementation fits an asynchronous port.
      '@typescript-eslint/require-await': 'off',
      '@nx/enforce-module-boundaries': boundaries([]),
      'no-restricted-syntax': ['error', ...READS_ENVIRONMENT],
    },
  },
  // Fixtures are for specs; the code they test never sees them.
  { files: ['**/*.{spec,fixture}.ts'], rules: { '@nx/enforce-module-boundaries': boundaries(['layer:testing']) } },
  {
    files: ['**/config/**/*.ts', ...SPECS, 'libs/testing/**/*.ts', 'apps/e2e/**/*.ts', 'pipelines/**/*.ts', 'tools/**/*.ts'],
    rules: { 'no-restricted-syntax': 'off' },
  },

  forbidImports(['libs/**/*.ts'], ['nest', 'bullmq', 'dockerode']),
  forbidImports(contractLibs.map((name) => `libs/${name}/**/*.ts`), ['nest', 'bullmq', 'ioredis', 'dockerode']),
  // Fixtures start real servers and daemons, so they may speak to them.
  forbidImports(['libs/testing/**/*.ts'], ['nest']),
  forbidImports(['apps/api/**/*.ts'], ['bullmq', 'dockerode']),
  forbidImports(['apps/api/src/queue/*.adapter.ts', 'apps/api/**/*.{spec,fixture}.ts'], ['dockerode']),
  forbidImports(['apps/worker/**/*.ts'], ['bullmq', 'dockerode', 'socketIo']),
  forbidImports(['apps/worker/src/intake/*.adapter.ts'], ['dockerode', 'socketIo']),
  forbidImports(['apps/worker/src/container/docker-daemon.adapter.ts'], ['bullmq', 'socketIo']),
  forbidImports(['apps/worker/**/*.{spec,fixture}.ts'], ['socketIo']),
  forbidImports(['apps/cli/**/*.ts'], ['nest', 'bullmq', 'ioredis', 'dockerode']),
  forbidImports(['pipelines/**/*.ts'], ['nest', 'bullmq', 'ioredis', 'dockerode', 'socketIo']),

  {
    files: SPECS,
    rules: {
      // Deliberately wrong values are what a spec is made of.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      // Fakes hand out methods that know no `this`.
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    files: ['**/*.{js,cjs,mjs}'],
    languageOptions: { globals: Object.fromEntries([...Object.getOwnPropertyNames(globalThis), 'module', 'exports', 'require', '__dirname', '__filename'].map((name) => [name, 'readonly'])) },
  },
  { files: ['**/*.{js,cjs}'], languageOptions: { globals: { module: 'writable' } } },
);
