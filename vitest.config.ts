import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    globalSetup: ['tests/support/built.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // The machine of reference has two cores, and many tests hash or start servers.
    maxWorkers: 2,
  },
});
