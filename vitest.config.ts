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

const common = { testTimeout: 60_000, hookTimeout: 60_000 };

// Each project is told the mode (MODE in its environment): by itself it has the usual one, whatever --mode says.
export default defineConfig(({ mode }) => ({
  test: {
    globalSetup: ['tests/support/built.ts'],
    // The machine of reference has two cores, and many tests hash or start servers.
    maxWorkers: 2,
    projects: [
      { mode, test: { ...common, name: 'alone', include: ALONE } },
      // The others share their workers, which load each module once.
      {
        mode,
        test: {
          ...common,
          name: 'shared',
          include: ['tests/**/*.test.ts'],
          exclude: [...ALONE, ...RELEASE],
          isolate: false,
        },
      },
      { mode, test: { ...common, name: 'release', include: RELEASE } },
    ],
  },
}));
