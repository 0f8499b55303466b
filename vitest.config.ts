import { defineConfig } from 'vitest/config';

/** Rooms whose tests need a process of their own: they open stores, or put something of theirs in the place of a module. */
const ALONE = [
  'tests/storage/**/*.test.ts',
  'tests/faults/**/*.test.ts',
  ...['path.limbo', 'pkcs12-schemes', 'examine-hostile', 'envelope-rejected'].map(
    (name) => `tests/crypto/**/${name}.test.ts`,
  ),
];

/** What users install: npm run test:release. */
const RELEASE = ['tests/release/**/*.test.ts'];

export default defineConfig(({ mode }) => {
  // Projects have a mode of their own: what --mode says must be handed on.
  const common = { testTimeout: 60_000, hookTimeout: 60_000, env: { MODE: mode } };
  return {
    test: {
      globalSetup: ['tests/support/built.ts'],
      // The machine of reference has two cores, and many tests hash or start servers.
      maxWorkers: 2,
      projects: [
        { test: { ...common, name: 'alone', include: ALONE } },
        // The others share their workers, which load each module once.
        {
          test: {
            ...common,
            name: 'shared',
            include: ['tests/**/*.test.ts'],
            exclude: [...ALONE, ...RELEASE],
            isolate: false,
          },
        },
        { test: { ...common, name: 'release', include: RELEASE } },
      ],
    },
  };
});
