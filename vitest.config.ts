import { defineConfig } from 'vitest/config';

/** Rooms whose tests start nothing and leave nothing: they share their workers, which load each module once. */
const PURE = ['crypto', 'guard', 'network'].map((room) => `tests/${room}/**/*.test.ts`);

/** Tests there that put something of theirs in the place of a module. */
const MOCKING = ['path.limbo', 'pkcs12-schemes', 'examine-hostile', 'envelope-rejected'].map(
  (name) => `tests/crypto/**/${name}.test.ts`,
);

const common = { testTimeout: 60_000, hookTimeout: 60_000 };

export default defineConfig({
  test: {
    globalSetup: ['tests/support/built.ts'],
    // The machine of reference has two cores, and many tests hash or start servers.
    maxWorkers: 2,
    projects: [
      { test: { ...common, name: 'pure', include: PURE, exclude: MOCKING, isolate: false } },
      {
        test: {
          ...common,
          name: 'whole',
          include: ['tests/*.test.ts', 'tests/!(crypto|guard|network)/**/*.test.ts', ...MOCKING],
        },
      },
    ],
  },
});
