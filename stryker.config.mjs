/** How Stryker mutates; scripts/mutation.mjs says what, and which tests judge it. */

export default {
  packageManager: 'npm',
  plugins: ['@stryker-mutator/vitest-runner'],
  testRunner: 'vitest',
  vitest: { configFile: 'vitest.mutation.config.ts', related: false },
  // Texts are asserted where they are a contract; a test of every word would only repeat it.
  mutator: { excludedMutations: ['StringLiteral'] },
  // Stryker would read it by an interface that TypeScript 7 does not have; nothing here needs it.
  tsconfigFile: 'none',
  coverageAnalysis: 'perTest',
  ignoreStatic: true,
  concurrency: 2,
  timeoutMS: 10_000,
  tempDirName: 'node_modules/.stryker',
  ignorePatterns: ['/dist', '/docs', '/bench', '/examples', '/coverage'],
  reporters: ['clear-text', 'progress', 'json'],
  jsonReporter: { fileName: 'node_modules/.stryker-report.json' },
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
};
