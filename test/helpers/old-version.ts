import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finish, type Result, type Site } from './cli.ts';

const FIXTURES = join(import.meta.dirname, '..', 'fixtures');
/** What people have running when they upgrade, and the last build before the tree was cut anew. */
const PACKED = { '0.1.0': 'meowctl-0.1.0.tgz', before: 'meowctl-0.2.0-4425a20.tgz' };

/** The command line of an older version, on a test's own site. */
export interface OldVersion {
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Result>;
  start(args: readonly string[], env?: Readonly<Record<string, string>>): ChildProcess;
  remove(): void;
}

/** Unpacks an older meowctl as it was packed. */
export function unpackOldVersion(site: Site, which: keyof typeof PACKED = '0.1.0'): OldVersion {
  const folder = mkdtempSync(join(tmpdir(), 'meow-test-old-'));
  execFileSync('tar', ['-xzf', join(FIXTURES, PACKED[which]), '-C', folder]);
  const bin = join(folder, 'package', 'bin', 'meowctl.js');
  const start: OldVersion['start'] = (args, env = {}) =>
    spawn(process.execPath, [bin, ...args], {
      env: { ...site.env, ...env },
      cwd: site.home,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  return {
    start,
    run: (args, env) => finish(start(args, env)),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
