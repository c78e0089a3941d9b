import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    globalSetup: 'test/helpers/leftovers.ts',
    pool: 'forks',
    maxWorkers: 3,
    reporters: ['default', 'json'],
    outputFile: { json: 'node_modules/.cache/test-results.json' },
  },
});
