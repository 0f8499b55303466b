import { defineConfig } from 'vitest/config';

/** The tests that judge mutants (scripts/mutation.mjs names them), on the build that is there. */
export default defineConfig({
  test: {
    include: JSON.parse(process.env['MUTATION_TESTS'] ?? '[]') as string[],
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});
