import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { luaForEsbuild } from '../../scripts/lua.mjs';

export interface Bundle {
  readonly file: string;
  remove(): void;
}

export function fixture(name: string): string {
  return join(import.meta.dirname, '..', 'fixtures', name);
}

/** A fixture written in TypeScript, as one file that Node can run. */
export async function bundleFixture(name: string): Promise<Bundle> {
  const folder = mkdtempSync(join(tmpdir(), 'meow-test-bundle-'));
  const file = join(folder, 'fixture.cjs');
  await build({
    entryPoints: [fixture(name)],
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    logLevel: 'error',
    plugins: [luaForEsbuild],
  });
  return { file, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
