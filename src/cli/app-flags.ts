import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { defaults } from '../config.ts';
import { FailedError, UsageError } from '../errors.ts';
import { catSpec, isHealthPath, isVariableName, parseSpec } from '../store/app-spec.ts';
import type { AppSpec } from '../store/records.ts';
import { quote } from '../text.ts';
import type { Context } from './context.ts';

export interface AppFlags {
  readonly app?: string;
  readonly env?: readonly string[];
  readonly cwd?: string;
  readonly health?: string;
}

/** What fits into one variable of a child's environment, with room to spare. */
const MAX_SPEC_BYTES = 100_000;

/** The flags that say what to serve; `appSpec` reads them back. */
export function addAppFlags(command: Command): Command {
  return command
    .option('--app <file>', 'serve this module: a Koa app, a (req, res) function, an http.Server')
    .option('--env <NAME=VALUE>', 'a variable for the app (NAME alone: as it is here)', collect)
    .option('--cwd <folder>', 'run the app in this folder (default: this one)')
    .option(
      '--health <path>',
      'where the server answers for its health (default: /healthz); of a program: what says that it is ready (default: /)',
      health,
    );
}

/** The words after `--` are a program, for the verbs that take one. */
export function splitProgram(argv: readonly string[]) {
  const verb = argv.slice(2).find((word) => !word.startsWith('-'));
  const at = argv.indexOf('--');
  const takes = verb === 'spawn' || verb === 'serve' || verb === 'up' || verb === 'scale';
  if (at === -1 || !takes) return { own: argv, program: null };
  const program = argv.slice(at + 1);
  // `spawn -- -3`: a number is a count, as after any `--`.
  const isNumber = program.length === 1 && /^-?\d/.test(program[0] ?? '');
  return isNumber ? { own: argv, program: null } : { own: argv.slice(0, at), program };
}

/** What these flags ask for, or null when they leave it open. */
export function appSpec(context: Context, flags: AppFlags, readyMs?: number): AppSpec | null {
  const { app, env = [], cwd } = flags;
  const place = {
    env: Object.fromEntries(env.map((text) => variable(text, context.config.childEnv))),
    cwd: cwd === undefined ? null : folder(cwd, context),
    health: flags.health ?? null,
    ...(readyMs === undefined || readyMs === defaults.readyTimeoutMs ? {} : { readyMs }),
  };
  const { program } = context;
  if (app !== undefined && program) throw oneApp();
  if (program)
    return checked({ kind: 'program', command: words(program), ...here(place, context) });
  if (app !== undefined) {
    return checked({ kind: 'module', path: file(app, context), ...here(place, context) });
  }
  const open = env.length === 0 && cwd === undefined && flags.health === undefined;
  return open ? null : checked({ kind: 'cat', ...place });
}

/** What this process was started to serve, as its parent says in its environment. */
export function givenSpec({ config }: Context): AppSpec {
  if (config.app === null) return catSpec;
  const spec = parseSpec(JSON.parse(config.app));
  if (typeof spec !== 'string') return spec;
  throw new FailedError('app-spec', `MEOW_APP: its ${spec} is not valid`, 'Unset it');
}

function collect(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

function health(text: string): string {
  if (isHealthPath(text)) return text;
  throw new UsageError(
    `health path ${quote(text)} is not valid`,
    'Use a path such as /healthz, of A-Z a-z 0-9 . _ ~ - and /',
  );
}

// Never says a value: it may be a secret.
function variable(text: string, here: Readonly<Record<string, string>>): [string, string] {
  const at = text.indexOf('=');
  const name = at === -1 ? text : text.slice(0, at);
  if (!isVariableName(name)) {
    const what = `variable name ${quote(name)} is not valid`;
    throw new UsageError(what, 'Use --env NAME=VALUE, its name of A-Z a-z 0-9 and _');
  }
  const value = at === -1 ? here[name] : text.slice(at + 1);
  if (value !== undefined) return [name, value];
  throw new UsageError(`variable ${name} is not set here`, `Set it, or use --env ${name}=VALUE`);
}

function folder(text: string, { process }: Context): string {
  const path = resolve(process.cwd(), text);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return path;
  throw new FailedError('no-folder', `there is no folder ${quote(text)}`, 'Check --cwd');
}

function file(text: string, { process }: Context): string {
  const path = resolve(process.cwd(), text);
  if (statSync(path, { throwIfNoEntry: false })?.isFile()) return path;
  throw new FailedError('no-file', `there is no file ${quote(text)}`, 'Check --app');
}

function here<T extends { cwd: string | null }>(place: T, { process }: Context): T {
  return { ...place, cwd: place.cwd ?? process.cwd() };
}

function words(program: readonly string[]): readonly string[] {
  if (program.length > 0 && program[0] !== '') return program;
  throw new UsageError('there is no program after --', 'Name one: -- ./program --port {port}');
}

function checked(spec: AppSpec): AppSpec {
  const parsed = parseSpec(spec);
  if (typeof parsed === 'string') {
    throw new UsageError(`the app's ${parsed} is too long`, 'Put what is long into a file');
  }
  const bytes = Buffer.byteLength(JSON.stringify(spec));
  if (bytes <= MAX_SPEC_BYTES) return parsed;
  throw new UsageError(
    `the app and its variables take ${bytes} bytes`,
    `Use at most ${MAX_SPEC_BYTES}; put what is long into a file`,
  );
}

function oneApp(): UsageError {
  return new UsageError('--app together with a program after --', 'Use one of them');
}
