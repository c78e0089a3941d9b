import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finish, type Result, type Site } from './cli.ts';

const PACKED = join(import.meta.dirname, '..', 'fixtures', 'meowctl-0.1.0.tgz');

/** The command line of an older version, on a test's own site. */
export interface OldVersion {
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Result>;
  start(args: readonly string[], env?: Readonly<Record<string, string>>): ChildProcess;
  remove(): void;
}

/** Unpacks meowctl 0.1.0 as it was packed: what people have running when they upgrade. */
export function unpackOldVersion(site: Site): OldVersion {
  const folder = mkdtempSync(join(tmpdir(), 'meow-test-old-'));
  execFileSync('tar', ['-xzf', PACKED, '-C', folder]);
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
