// Jest runs the TypeScript sources as ES modules (NestJS 12 is ESM only): swc transforms one file at a time,
// and the `source` condition makes the `#…` imports of package.json point at libs/ and apps/ instead of dist/.
const swc = { transform: { '^.+\\.ts$': ['@swc/jest', { swcrc: true, module: { type: 'es6' } }] } };

const shared = {
  ...swc,
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['source', 'node', 'node-addons'] },
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  setupFiles: ['<rootDir>/test/seed.ts'],
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
};

export default {
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: ['<rootDir>/{libs,apps,deploy}/**/*.spec.ts', '<rootDir>/test/**/*.spec.ts'],
      testPathIgnorePatterns: ['\\.engine\\.spec\\.ts$', '\\.e2e\\.spec\\.ts$'],
    },
    { ...shared, displayName: 'engines', testMatch: ['<rootDir>/{libs,apps,test,deploy}/**/*.engine.spec.ts'] },
    { ...shared, displayName: 'e2e', testMatch: ['<rootDir>/test/**/*.e2e.spec.ts'] },
  ],
};
