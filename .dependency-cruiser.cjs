// Rules of architecture.md §2 between the folders of an app, and what only a walk of the real dependencies can see.
// Imports between projects are the business of eslint.config.mjs. tools/lint-rules.spec.mjs plants a violation of each.
const SPEC = '\\.(spec|fixture)\\.(ts|mjs)$';

/** A folder of an app that may not import some of its other folders. */
function layer(app, from, to, why) {
  return {
    name: `${app}-${from}-not-to-${to.join('-or-')}`,
    comment: why,
    severity: 'error',
    from: { path: `^apps/${app}/src/${from}/`, pathNot: SPEC },
    to: { path: `^apps/${app}/src/(${to.join('|')})/` },
  };
}

/** A package that only some files may reach, however they do it (`import()` and `require` included). */
function behindOneAdapter(name, packages, allowed) {
  return {
    name,
    comment: 'Machinery sits behind one adapter file, so that it can be replaced, faked and upgraded in one place.',
    severity: 'error',
    from: { path: '^(apps|libs)/', pathNot: [SPEC, '^apps/e2e/', '^libs/testing/', ...allowed] },
    to: { path: `(^|/)(node_modules/)?(${packages})(/|$)`, dependencyTypesNot: ['local', 'core', 'type-only'] },
  };
}

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-circular', comment: 'Two files that need each other are one thing, or lack a third.', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphans',
      comment: 'A file that nothing imports is not part of the product: use it or remove it.',
      severity: 'error',
      from: { orphan: true, path: '^(apps|libs)/[^/]+/src/', pathNot: [SPEC, '/main\\.ts$', '/index\\.ts$', '^libs/[^/]+/src/(model-)?json-schema\\.ts$', '\\.d\\.ts$', '^apps/e2e/'] },
      to: {},
    },
    { name: 'no-unresolvable', comment: 'An import that leads nowhere fails at run time.', severity: 'error', from: {}, to: { couldNotResolve: true } },
    { name: 'nothing-imports-specs', comment: 'What specs have in common belongs into libs/testing.', severity: 'error', from: {}, to: { path: '\\.spec\\.(ts|mjs)$' } },
    { name: 'only-specs-import-fixtures', comment: 'A fixture starts real servers; the product must not.', severity: 'error', from: { pathNot: SPEC }, to: { path: '\\.fixture\\.(ts|mjs)$' } },
    { name: 'nothing-imports-main', comment: 'Importing main.ts starts the program.', severity: 'error', from: { path: '^apps/' }, to: { path: '^apps/[^/]+/src/main\\.ts$' } },
    {
      name: 'contracts-do-no-io',
      comment: 'Contract libs are pure: no disk, no network, no processes.',
      severity: 'error',
      from: { path: '^libs/(class-schema|pipeline-schema|model-manifest|task-contract|progress-protocol|scheduling)/src/', pathNot: SPEC },
      to: { dependencyTypes: ['core'], path: '^(node:)?(fs|fs/promises|net|tls|http|https|http2|dns|dgram|child_process|worker_threads|cluster)$' },
    },
    behindOneAdapter('dockerode-behind-its-adapter', 'dockerode|@types/dockerode', ['^apps/worker/src/container/docker-daemon\\.adapter\\.ts$']),
    behindOneAdapter('bullmq-behind-its-adapters', 'bullmq', ['^apps/api/src/queue/[^/]+\\.adapter\\.ts$', '^apps/worker/src/intake/[^/]+\\.adapter\\.ts$']),

    layer('api', 'dispatch', ['gateway', 'rest'], 'The way of a task leads from the door inwards; what plans and enqueues it serves any door.'),
    layer('api', 'queue', ['gateway', 'rest', 'dispatch', 'projects'], 'The queue is a means: it knows nobody who uses it.'),
    layer('api', 'projects', ['gateway', 'rest', 'dispatch', 'queue'], 'Projects are a port that an editor’s own service may fill.'),
    layer('api', 'progress', ['rest', 'dispatch', 'queue'], 'The relay reads the event log and forwards; it starts nothing.'),

    layer('api', 'waiting', ['gateway', 'rest', 'dispatch'], 'Who tells where tasks stand looks at queues and hosts; it starts nothing and answers nobody.'),
    layer('api', 'truth', ['gateway', 'rest', 'dispatch', 'waiting'], 'Who repairs what does not agree looks at records and queues; it starts nothing and answers nobody.'),
    layer('api', 'duty', ['gateway', 'rest', 'dispatch', 'queue', 'waiting', 'truth'], 'What one process does for all is done the same way whatever it is.'),
    layer('api', 'hosts', ['gateway', 'rest', 'dispatch', 'queue', 'waiting'], 'What the hosts could run is known whoever asks.'),

    layer('worker', 'lease', ['run', 'intake', 'warm', 'workspace', 'models'], 'What is leased of a host is counted the same way whatever runs on it.'),
    layer('worker', 'inventory', ['run', 'intake', 'lease', 'warm', 'container', 'workspace', 'models', 'progress'], 'What devices there are depends on nothing that uses them.'),
    layer('worker', 'warm', ['intake'], 'A container serves whatever task it is given.'),
    layer('worker', 'run', ['intake'], 'A run is told about its task; where tasks come from is not its business.'),
    layer('worker', 'container', ['run', 'intake', 'progress', 'workspace'], 'An engine carries out a frozen plan and knows nothing of tasks.'),
    layer('worker', 'workspace', ['run', 'intake', 'container', 'progress', 'models'], 'Folders and takes are the same whatever runs.'),
    layer('worker', 'models', ['run', 'intake', 'container', 'progress', 'workspace'], 'The store is read the same way whatever runs.'),
    layer('worker', 'progress', ['run', 'intake', 'container'], 'A report says how far it is, not who runs it.'),
    {
      name: 'worker-run-sees-ports-only',
      comment: 'The story of a run is told in ports, so that it reads the same with any engine and can be tested with fakes.',
      severity: 'error',
      from: { path: '^apps/worker/src/run/', pathNot: SPEC },
      to: { path: '\\.adapter\\.ts$' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|out-tsc|coverage)/' },
    tsPreCompilationDeps: true,
    // The libs' sources instead of their builds: the rules then hold before a build, and see cycles across projects.
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['@function-runner/source', 'import', 'node', 'require', 'default', 'types'] },
  },
};
