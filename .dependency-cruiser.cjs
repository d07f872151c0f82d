/** The direction of imports: domain ← application ← contracts ← adapters ← apps; platform beside adapters. */
const lib = (name) => `^libs/${name}/`;
const spec = '\\.spec\\.ts$';

module.exports = {
  forbidden: [
    {
      name: 'domain-is-pure',
      comment: 'The rules must be replayable anywhere: no framework, no packages, no Node built-ins, no other layer.',
      severity: 'error',
      from: { path: lib('domain'), pathNot: spec },
      to: { pathNot: lib('domain') },
    },
    {
      name: 'application-knows-only-domain',
      comment: 'Use cases name ports, never engines. Allowed packages have no I/O.',
      severity: 'error',
      from: { path: lib('application'), pathNot: spec },
      to: {
        pathNot: [
          lib('application'),
          lib('domain'),
          'node_modules/(@nestjs/common|lru-cache)/',
          '^(node:)?(crypto|timers/promises)$',
        ],
      },
    },
    {
      name: 'contracts-below-adapters',
      comment: 'Wire and storage shapes know the domain, never an engine.',
      severity: 'error',
      from: { path: lib('contracts') },
      to: { path: ['^libs/(adapters|platform)/', '^apps/'] },
    },
    {
      name: 'adapters-are-strangers',
      comment: 'Each adapter can be deleted without touching another one.',
      severity: 'error',
      from: { path: '^libs/adapters/([^/]+)/', pathNot: spec },
      to: { path: '^libs/adapters/', pathNot: '^libs/adapters/$1/' },
    },
    {
      name: 'adapters-below-apps',
      comment: 'Only apps compose.',
      severity: 'error',
      from: { path: '^libs/(adapters|platform)/' },
      to: { path: '^apps/' },
    },
    {
      name: 'sdk-only-in-its-adapter',
      comment: 'An engine is replaced in one folder.',
      severity: 'error',
      from: { path: '^(libs|apps)/', pathNot: ['^libs/adapters/', '^libs/testing/', spec] },
      to: { path: 'node_modules/(kafkajs|pg|@electric-sql|@eventstore|@grpc|classic-level)/' },
    },
    {
      name: 'apps-are-strangers',
      comment: 'Only standalone composes other apps.',
      severity: 'error',
      from: { path: '^apps/([^/]+)/', pathNot: ['^apps/standalone/', spec] },
      to: { path: '^apps/', pathNot: ['^apps/$1/', '^apps/composition/'] },
    },
    {
      name: 'simulator-shares-no-code',
      comment: 'The simulated platform judges the gate: with the same code it would share the same faults.',
      severity: 'error',
      from: { path: '^apps/simulator/', pathNot: spec },
      to: { path: '^(libs|apps|test|deploy)/', pathNot: '^apps/simulator/' },
    },
    {
      name: 'testing-only-from-specs',
      comment: 'Nothing that ships may depend on test doubles.',
      severity: 'error',
      from: { path: '^(libs|apps)/', pathNot: ['^libs/testing/', spec] },
      to: { path: ['^libs/testing/', '^test/'] },
    },
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|data)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.cjs', '.mjs', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['source', 'import', 'node', 'default', 'require', 'types'],
    },
  },
};
