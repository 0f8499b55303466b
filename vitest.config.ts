import { defineConfig } from 'vitest/config';

/** Rooms whose tests need a process of their own: they open stores, take much memory, or put something of
 * theirs in the place of a module. */
const ALONE = [
  'tests/storage/**/*.test.ts',
  'tests/constant-time.test.ts',
  ...['path.limbo', 'pkcs12-schemes', 'examine-hostile', 'envelope-rejected'].map(
    (name) => `tests/crypto/**/${name}.test.ts`,
  ),
];

/** Processes that are killed, starved and lied to, and what is fed with anything: npm run test:faults. */
const FAULTS = ['tests/faults/**/*.test.ts', 'tests/fuzz/**/*.test.ts'];

/** What users install: npm run test:release. */
const RELEASE = ['tests/release/**/*.test.ts'];

/** What decides about secrets, and what is reached. */
const FOLDERS_COVERED = ['src/crypto', 'src/guard', 'src/network'];

const common = { testTimeout: 60_000, hookTimeout: 60_000 };

// Each project is told the mode (MODE in its environment): by itself it has the usual one, whatever --mode says.
export default defineConfig(({ mode }) => ({
  test: {
    globalSetup: ['tests/support/built.ts'],
    // The machine of reference has two cores, and many tests hash or start servers.
    maxWorkers: 2,
    // npm run coverage: below these it fails.
    coverage: {
      provider: 'v8',
      include: FOLDERS_COVERED.map((folder) => `${folder}/**`),
      reporter: ['text', 'json-summary'],
      thresholds: Object.fromEntries(FOLDERS_COVERED.map((folder) => [`${folder}/**`, { lines: 95, branches: 90 }])),
    },
    projects: [
      { mode, test: { ...common, name: 'alone', include: ALONE } },
      // The others share their workers, which load each module once.
      {
        mode,
        test: {
          ...common,
          name: 'shared',
          include: ['tests/**/*.test.ts'],
          exclude: [...ALONE, ...FAULTS, ...RELEASE],
          isolate: false,
        },
      },
      { mode, test: { ...common, name: 'faults', include: FAULTS } },
      { mode, test: { ...common, name: 'release', include: RELEASE } },
    ],
  },
}));
