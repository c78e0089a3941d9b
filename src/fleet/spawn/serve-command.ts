import { existsSync } from 'node:fs';
import { serverVariables } from '../../environment/app-environment.ts';
import type { EnvLimits } from '../../environment/env-file.ts';
import { FailedError } from '../../errors.ts';
import { logPath, rawLogPath } from '../../logs/files.ts';
import type { AppSpec } from '../../model/app-spec.ts';
import type { SignedServer } from '../../model/desired-server.ts';
import { only } from '../../model/variables.ts';
import type { ChildEnds } from '../../process/child-ends.ts';
import type { LaunchOptions } from '../../process/launcher.ts';
import { type NodeVersion, type OwnProgram, ownProgram } from '../../process/own-program.ts';
import { quote } from '../../text.ts';

type SpawnLimit =
  | 'envKeepMs'
  | 'logKeepMs'
  | 'readyTimeoutMs'
  | 'reasonMs'
  | 'spawnsInParallel'
  | 'sweepLostAfterMs'
  | 'termGraceMs';

/** What starting servers goes by: defaults of defaults.ts, under the same names. */
export interface SpawnSettings extends EnvLimits, Readonly<Record<SpawnLimit, number>> {
  readonly leastNode: NodeVersion;
  /** The namespace of a log without a mark. */
  readonly namespace: string;
  readonly serverHost: string;
}

/** What a server needs of meowctl's own settings, beside those that are worked out for it. */
const HANDED_ON: ReadonlySet<string> = new Set([
  ...['MEOW_ADVERTISE', 'MEOW_DEBUG', 'MEOW_DURABLE'],
  ...['MEOW_SENTINEL_USER', 'MEOW_SENTINEL_PASSWORD'],
]);

/** How this host starts a server: what `meowctl serve` is run with. */
export interface ServerProgram extends OwnProgram {
  /** All that is set here. */
  readonly childEnv: Readonly<Record<string, string>>;
  readonly redisUrl: string;
  readonly namespace: string;
  readonly home: string;
  readonly settings: SpawnSettings;
  /** Hears how each ends, where somebody wants to know. */
  readonly ends?: ChildEnds;
}

/** One server to start. */
export interface ServerStart {
  /** What it serves. */
  readonly spec: AppSpec;
  readonly fixedPort: number | null;
  /** Where to look for a free port from, when it is not fixed. */
  readonly firstPort?: number;
  /** A server, gone by now, whose place it takes. */
  readonly replaces?: SignedServer;
  /** It goes when `up` ends. */
  readonly ofUp?: boolean;
  /** A reconciler starts it again, whoever runs that. */
  readonly revived?: boolean;
  /** Why it is started, in a few words. */
  readonly why?: string;
  readonly listenHost: string;
  readonly advertise: string | null;
  readonly readyTimeoutMs: number;
  readonly termGraceMs?: number;
  readonly signal?: AbortSignal;
}

/** What its process is started with. */
export function toLaunch(id: string, child: ServerProgram, options: ServerStart): LaunchOptions {
  const { signal, readyTimeoutMs } = options;
  const { settings, ends } = child;
  const { execPath, cliPath } = ownProgram(child, child.childEnv, settings.leastNode);
  return {
    name: `server ${id}`,
    command: execPath,
    args: [cliPath, ...serveArgs(id, options)],
    env: environment(child, withPatience(options, settings)),
    cwd: options.spec.cwd ?? child.home,
    logFile: logPath(child.home, id),
    rawLogFile: rawLogPath(child.home, id),
    readyTimeoutMs,
    ...(tellsWhy(options.spec) ? { reasonMs: settings.reasonMs } : {}),
    termGraceMs: options.termGraceMs ?? options.spec.killMs ?? settings.termGraceMs,
    ...(signal ? { signal } : {}),
    ...(ends ? { onReady: (server) => ends.watch(id, server) } : {}),
  };
}

/** Whether its server waits for it, and can tell why it is not ready. */
function tellsWhy({ kind, health }: AppSpec): boolean {
  return kind === 'program' || (kind === 'module' && health !== null);
}

// A child ends by itself when it is not ready in time: its parent may be gone by then.
function withPatience({ spec, readyTimeoutMs }: ServerStart, usual: SpawnSettings): AppSpec {
  const isUsual = readyTimeoutMs === usual.readyTimeoutMs;
  return spec.kind === 'cat' && !isUsual ? { ...spec, readyMs: readyTimeoutMs } : spec;
}

// By environment: a command line is public.
function environment(program: ServerProgram, spec: AppSpec) {
  const { childEnv, redisUrl, namespace, home, settings } = program;
  return {
    ...serverVariables(home, spec, childEnv, settings),
    ...only(childEnv, (name) => HANDED_ON.has(name)),
    REDIS_URL: redisUrl,
    MEOW_NAMESPACE: namespace,
    MEOW_HOME: home,
    MEOW_APP: JSON.stringify(spec),
  };
}

// `serve --id <id>` first and together: that is what `isProcess` looks for.
function serveArgs(id: string, options: ServerStart): string[] {
  const { fixedPort, firstPort, replaces, ofUp, listenHost, advertise } = options;
  const args = ['serve', '--id', id, '--spawned', '--host', listenHost];
  if (fixedPort !== null) args.push('--port', String(fixedPort));
  if (firstPort !== undefined) args.push('--first-port', String(firstPort));
  if (replaces !== undefined) args.push('--replaces', replaces.id);
  if (ofUp) args.push('--of-up');
  if (advertise !== null) args.push('--advertise', advertise);
  return args;
}

// Otherwise it would be the program that is said to be missing.
export function mustHaveFolder({ cwd }: AppSpec): void {
  if (cwd === null || existsSync(cwd)) return;
  const message = `the app's folder ${quote(cwd)} is not there`;
  throw new FailedError('no-folder', message, 'Put it back, or destroy what ran in it');
}
