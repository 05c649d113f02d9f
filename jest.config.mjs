import { readFileSync } from 'node:fs';

import { specsWithoutTool } from './test/support/external-tools.ts';

/** What the build uses, except that the build leaves out the specs and Jest needs them. */
const swc = JSON.parse(readFileSync(new URL('.swcrc', import.meta.url), 'utf8'));
delete swc.exclude;

/** Native ES modules through swc; types are checked by `npm run typecheck`, not here. */
export default {
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['source', 'node', 'node-addons'] },
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest', { ...swc, swcrc: false }] },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  globalSetup: '<rootDir>/test/support/global-setup.mjs',
  globalTeardown: '<rootDir>/test/support/global-teardown.mjs',
  setupFiles: ['<rootDir>/test/support/one-realm.ts'],
  roots: ['<rootDir>/apps', '<rootDir>/libs', '<rootDir>/test'],
  testMatch: ['**/*.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/', ...specsWithoutTool()],
  testTimeout: 30_000,
  // Most of a test's time is PostgreSQL's and the simulators', so every core has a worker.
  maxWorkers: '100%',
  reporters: ['default', '<rootDir>/scripts/closing-line.reporter.mjs'],
};
