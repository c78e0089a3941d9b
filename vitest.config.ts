import { defineConfig } from 'vitest/config';
import { luaForVitest } from './scripts/lua.mjs';
import { wasmForVitest } from './scripts/wasm.mjs';

const processes = ['test/e2e/**', 'test/chaos/**'];

export default defineConfig({
  plugins: [luaForVitest, wasmForVitest],
  test: {
    // A bound for what hangs, not a measure: a busy machine takes many times what an idle one takes.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 120_000 } },
    globalSetup: 'test/helpers/leftovers.ts',
    pool: 'forks',
    maxWorkers: 5,
    // One worker runs file after file: half of the time would go into loading src/ for each.
    isolate: false,
    reporters: ['default', 'json'],
    outputFile: { json: 'node_modules/.cache/test-results.json' },
    projects: [
      {
        extends: true,
        test: {
          name: 'in-process',
          include: ['test/**/*.test.ts'],
          exclude: processes,
        },
      },
      {
        extends: true,
        test: { name: 'processes', include: processes.map((folder) => `${folder}/*.test.ts`) },
      },
    ],
  },
});
