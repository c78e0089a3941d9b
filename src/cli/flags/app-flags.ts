import { statSync } from 'node:fs';
import type { Command } from 'commander';
import { defaults } from '../../defaults.ts';
import { FailedError, UsageError } from '../../errors.ts';
import type { AskedSpec } from '../../fleet/targets/app.ts';
import { HIDDEN_HEALTH_PATH } from '../../health/endpoint.ts';
import { type AppSpec, catSpec, nameOfApp, parseSpec } from '../../model/app-spec.ts';
import { isHealthPath, type StatusRange } from '../../model/health-page.ts';
import { quote } from '../../text.ts';
import type { Context } from '../context/context.ts';
import { type AskedEnv, askedEnv, type EnvFlags } from './asked-env.ts';
import { addLeaveFlags, type LeaveFlags, leaveSettings } from './leave-flags.ts';
import { checkWorker } from './place-flags.ts';
import { typedFolder, typedPath } from './typed-path.ts';
import { statusRange } from './values.ts';

export interface AppFlags extends EnvFlags, LeaveFlags {
  readonly app?: string;
  readonly cwd?: string;
  readonly health?: string;
  readonly healthStatus?: StatusRange;
  /** A program takes no requests. */
  readonly noHttp?: boolean;
}

/** An app that was asked for on the command line; its values are in no spec. */
export interface AskedApp extends AskedSpec {
  readonly env: AskedEnv;
}

/** What fits into one variable of a child's environment, with room to spare. */
const MAX_SPEC_BYTES = 100_000;

/**
 * The flags that say what to serve; `askedApp` reads them back.
 * @param isChange of servers that have all of them set already
 */
export function addAppFlags(command: Command, isChange = false): Command {
  const unless = (otherwise: string) => ` (default: ${isChange ? 'as it was' : otherwise})`;
  command
    .option(
      '--app <file>',
      'serve this module: a Koa, Hono or Fastify app, { fetch }, a (req, res) function, an http.Server; cat: the built-in app',
    )
    .option(
      '--env <NAME=VALUE>',
      'a variable for the app, as often as needed (NAME alone: with the value it has here)',
      collect,
    )
    .option('--env-file <file>', 'a file of NAME=VALUE lines for the app, read at each start')
    .option('--env-all', 'pass on to the app all that is set here')
    .option('--cwd <folder>', `run the app in this folder${unless('this one')}`)
    .option(
      '--health <path>',
      `the app's page that says it is ready and well${unless('/ of a program; a module is ready when it listens')}`,
      healthPath,
    )
    .option(
      '--health-status <range>',
      `the answers there that mean it is, such as 200-399${unless('all below 500')}`,
      statusRange,
    );
  return addLeaveFlags(command);
}

/** And for the verbs that also start what takes no requests. */
export function addWorkerFlag(command: Command): Command {
  const words =
    'the program after -- takes no requests: it is kept running, and no door sends it any';
  // Commander would take it for `--http` turned off.
  const option = command.createOption('--no-http', words);
  option.negate = false;
  option.attributeName = () => 'noHttp';
  return command.addOption(option);
}

/** The words after `--` are a program, for the verbs that take one. */
export function splitProgram(argv: readonly string[]) {
  const verb = argv.slice(2).find((word) => !word.startsWith('-'));
  const at = argv.indexOf('--');
  if (at === -1 || !takesProgram(verb)) return { own: argv, program: null };
  const program = argv.slice(at + 1);
  // `spawn -- -3`: a number is a count, as after any `--`.
  const isNumber = program.length === 1 && /^-?\d/.test(program[0] ?? '');
  return isNumber ? { own: argv, program: null } : { own: argv.slice(0, at), program };
}

export function takesProgram(verb = ''): boolean {
  return /^(spawn|serve|up|scale)$/.test(verb);
}

export interface Asking {
  readonly readyMs?: number;
  /** Whether the servers may have a health page already. */
  readonly isChange?: boolean;
}

/** What these flags ask for, or null when they leave it open. */
export function askedApp(
  context: Context,
  flags: AppFlags,
  { readyMs, isChange = false }: Asking = {},
): AskedApp | null {
  const { app, cwd, health: path, healthStatus } = flags;
  const { program } = context;
  if (app !== undefined && program) throw oneApp();
  checkWorker(flags, program);
  if (healthStatus && path === undefined && !program && !isChange) throw noPage();
  const kind = whatToRun(context, app);
  const isNamed = app !== undefined || program !== null;
  const isPlain = hasNoSettings(flags);
  if (!isNamed && isPlain) return null;
  const env = askedEnv(context, flags);
  const place = cwd === undefined ? null : folder(cwd, context);
  const spec = checked({
    ...kind,
    ...(flags.noHttp ? { http: false } : {}),
    ...env.part,
    envDigest: null,
    cwd: kind.kind === 'cat' ? place : (place ?? typedFolder(context)),
    health: path ?? null,
    ...(healthStatus === undefined ? {} : { healthStatus }),
    ...leaveSettings(flags),
    ...(readyMs === undefined || readyMs === defaults.readyTimeoutMs ? {} : { readyMs }),
  });
  return { spec, env, isNamed, isPlain };
}

type Kind =
  | { readonly kind: 'cat' }
  | { readonly kind: 'module'; readonly path: string }
  | { readonly kind: 'program'; readonly command: readonly string[] };

function whatToRun(context: Context, app: string | undefined): Kind {
  const { program } = context;
  if (program) return { kind: 'program', command: words(program) };
  if (app === undefined || app === nameOfApp(catSpec)) return { kind: 'cat' };
  return { kind: 'module', path: file(app, context) };
}

function hasNoSettings(flags: AppFlags): boolean {
  const { env, envFile, envAll, cwd, health: path, healthStatus } = flags;
  const { drainSignal, killTimeout } = flags;
  if (flags.noHttp) return false;
  const all = [env, envFile, envAll, cwd, path, healthStatus, drainSignal, killTimeout];
  return all.every((flag) => flag === undefined);
}

/** What this process was started to serve, as its parent says in its environment. */
export function givenSpec({ config }: Context): AppSpec {
  if (config.app === null) return catSpec;
  const spec = parseSpec(JSON.parse(config.app));
  if ('ok' in spec) return spec.ok;
  throw new FailedError('app-spec', `MEOW_APP: its ${spec.problem} is not valid`, 'Unset it');
}

function collect(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

export function healthPath(text: string): string {
  if (text === HIDDEN_HEALTH_PATH) {
    throw new UsageError(`health path ${quote(text)} is meowctl's own`, 'Name a page of the app');
  }
  if (isHealthPath(text)) return text;
  throw new UsageError(
    `health path ${quote(text)} is not valid`,
    'Use a path such as /healthz, of A-Z a-z 0-9 . _ ~ - and /',
  );
}

function folder(text: string, context: Context): string {
  const path = typedPath(text, context);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return path;
  throw new FailedError('no-folder', `there is no folder ${quote(text)}`, 'Check --cwd');
}

function file(text: string, context: Context): string {
  const path = typedPath(text, context);
  if (statSync(path, { throwIfNoEntry: false })?.isFile()) return path;
  throw new FailedError('no-file', `there is no file ${quote(text)}`, 'Check --app');
}

function words(program: readonly string[]): readonly string[] {
  if (program.length > 0 && program[0] !== '') return program;
  throw new UsageError('there is no program after --', 'Name one: -- ./program --port {port}');
}

function checked(spec: AppSpec): AppSpec {
  const parsed = parseSpec(spec);
  if ('problem' in parsed) {
    throw new UsageError(`the app's ${parsed.problem} is too long`, 'Put what is long into a file');
  }
  const bytes = Buffer.byteLength(JSON.stringify(spec));
  if (bytes <= MAX_SPEC_BYTES) return parsed.ok;
  throw new UsageError(
    `the app and its variables take ${bytes} bytes`,
    `Use at most ${MAX_SPEC_BYTES}; put what is long into a file`,
  );
}

function noPage(): UsageError {
  return new UsageError('--health-status without --health', 'Name the page with --health <path>');
}

function oneApp(): UsageError {
  return new UsageError('--app together with a program after --', 'Use one of them');
}
