import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // A bound for what hangs, not a measure: a busy machine takes many times what an idle one takes.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    globalSetup: 'test/helpers/leftovers.ts',
    pool: 'forks',
    maxWorkers: 5,
    reporters: ['default', 'json'],
    outputFile: { json: 'node_modules/.cache/test-results.json' },
  },
});
