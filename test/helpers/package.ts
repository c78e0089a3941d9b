import { execFile, execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { finish, type Result } from './cli.ts';

export const ROOT = join(import.meta.dirname, '..', '..');
const LEFT_OUT = ['node_modules', 'dist', '.git', 'bench', 'test'];

/** The package as `npm pack` makes it from a copy of this checkout. */
export interface Packed {
  /** The copy it was made from. */
  readonly source: string;
  readonly tarball: string;
  /** A folder to put things in, which others may look into. */
  readonly folder: string;
  remove(): void;
}

export async function pack(): Promise<Packed> {
  const folder = mkdtempSync(join(tmpdir(), 'meow-test-package-'));
  execFileSync('chmod', ['755', folder]);
  const source = join(folder, 'source');
  const isWanted = (path: string) => !LEFT_OUT.some((name) => path === join(ROOT, name));
  cpSync(ROOT, source, { recursive: true, filter: isWanted });
  symlinkSync(join(ROOT, 'node_modules'), join(source, 'node_modules'));
  const said = await npm(['pack', '--json', '--pack-destination', folder], source);
  const [packed] = JSON.parse(said) as { filename: string }[];
  return {
    source,
    folder,
    tarball: join(folder, packed?.filename ?? ''),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Runs npm, with the registry out of reach: nothing is to be fetched. */
export async function npm(args: readonly string[], cwd: string): Promise<string> {
  const offline = ['--offline', '--no-audit', '--no-fund', '--cache', join(cwd, '.npm-cache')];
  const { stdout } = await promisify(execFile)('npm', [...args, ...offline], {
    cwd,
    env: withoutNpm(process.env),
  });
  return stdout;
}

/** Installs a package as `npm install -g` does. @returns its folder, and the command it brings */
export async function installGlobally({ tarball, folder }: Packed) {
  const prefix = join(folder, 'global');
  const said = await npm(['install', '--global', '--prefix', prefix, tarball], folder);
  const command = join(prefix, 'bin', 'meowctl');
  return { said, command, root: join(prefix, 'lib', 'node_modules', 'meowctl') };
}

export interface As {
  readonly uid?: number;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs an installed command with no environment but this. */
export function runInstalled(
  command: string,
  args: readonly string[],
  { uid, cwd = dirname(command), env = {} }: As = {},
): Promise<Result> {
  const who = uid === undefined ? {} : { uid, gid: uid };
  const path = `${dirname(process.execPath)}:${process.env.PATH}`;
  const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe'];
  return finish(spawn(command, args, { cwd, env: { PATH: path, ...env }, stdio, ...who }));
}

/** Makes a folder of its own for a run, empty. */
export function emptyFolder(parent: string, name: string): string {
  const path = join(parent, name);
  if (existsSync(path)) rmSync(path, { recursive: true });
  mkdirSync(path);
  return path;
}

// `npm test` tells its children which folder npm is in: another npm would go there.
export function withoutNpm(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^npm_/i.test(name)));
}
