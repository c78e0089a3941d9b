import { isObject, MAX_PATH, type Parsed } from './fields.ts';
import { isHealthPath, isStatusRange, type StatusRange } from './health-page.ts';
import { isVariableName, MAX_VARIABLES } from './variables.ts';

const MAX_NAME = 200;
const MAX_WORDS = 200;
const MAX_OLD_VARIABLES = 200;
const MAX_WORD = 32 * 1_024;
const MAX_MS = 24 * 3_600_000;

/**
 * What a server serves: the built-in cats, somebody's module loaded into it, or a program it runs
 * and passes requests on to.
 */
export type AppSpec = (
  | { readonly kind: 'cat' }
  | { readonly kind: 'module'; readonly path: string }
  | {
      readonly kind: 'program';
      readonly command: readonly string[];
      /** It takes no requests: see hosting/worker.ts. */
      readonly http?: false;
    }
) & {
  /** Names of the variables declared for it, sorted. Their values never leave the state folder. */
  readonly env: readonly string[];
  /** Finds those values there, and those of the base, and proves them: see environment/kept-values.ts. */
  readonly envDigest: string | null;
  /** A file of more variables, read again at each start. */
  readonly envFile?: string;
  /** Everything that was there when it was asked for has been declared. */
  readonly envAll?: boolean;
  /** Values as a 0.1 wrote them into Redis. Never written any more: see `adoptValues`. */
  readonly oldValues?: Readonly<Record<string, string>>;
  /** The folder it runs in, as it was typed: links are resolved at each start; null for the state folder. */
  readonly cwd: string | null;
  /**
   * The app's own page that says whether it is ready and well. Of the built-in one: where its server
   * answers for its health.
   */
  readonly health: string | null;
  /** The answers there that mean it is, when not all below 500. */
  readonly healthStatus?: StatusRange;
  /** What tells it that its server leaves, before SIGTERM. */
  readonly drainSignal?: string;
  /** How long it has from SIGTERM to SIGKILL, when that is not the default. */
  readonly killMs?: number;
  /** How long it may take to be ready, when that is not the default. */
  readonly readyMs?: number;
  /** The signature that 0.1.0 gave it: see fleet/desired/old-fleet.ts. */
  readonly seal?: string;
};

/** What may tell an app that its server leaves. SIGTERM comes last anyway. */
export const DRAIN_SIGNALS: readonly string[] = Object.freeze([
  ...['SIGUSR2', 'SIGUSR1', 'SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGWINCH'],
]);

/** What a server serves when nothing else was asked for. */
export const catSpec: AppSpec = Object.freeze({
  kind: 'cat',
  env: [],
  envDigest: null,
  cwd: null,
  health: null,
});

/** The app in a few words, for people. */
export function nameOfApp(spec: AppSpec): string {
  if (spec.kind === 'cat') return 'cat';
  const name = spec.kind === 'module' ? spec.path : spec.command.join(' ');
  return name.length > MAX_NAME ? `${name.slice(0, MAX_NAME - 1)}…` : name;
}

/** Whether it is a program that takes no requests. */
export function isWorker(spec: AppSpec): boolean {
  return spec.kind === 'program' && spec.http === false;
}

/** Its problem is the name of the field that is not valid. */
export function parseSpec(value: unknown): Parsed<AppSpec> {
  if (!isObject(value)) return { problem: 'spec' };
  const wrong = Object.keys(common).find((name) => !common[name]?.(value[name]));
  if (wrong) return { problem: wrong };
  const kind = parseKind(value);
  if ('problem' in kind) return kind;
  const { cwd, health, healthStatus, drainSignal } = value as unknown as AppSpec;
  const { killMs, readyMs, seal } = value as unknown as AppSpec;
  const spec = {
    ...kind.ok,
    ...environment(value),
    cwd,
    health,
    ...(healthStatus === undefined ? {} : { healthStatus }),
    ...(drainSignal === undefined ? {} : { drainSignal }),
    ...(killMs === undefined ? {} : { killMs }),
    ...(readyMs === undefined ? {} : { readyMs }),
    ...(seal === undefined ? {} : { seal }),
  };
  return { ok: spec };
}

type Environment = Pick<AppSpec, 'env' | 'envDigest' | 'envFile' | 'envAll' | 'oldValues'>;

// To Redis' scripts an empty list and an empty object are the same.
function environment(value: Record<string, unknown>): Environment {
  if (value.envDigest === undefined) return oldEnvironment(value);
  const { env, envDigest, envFile, envAll } = value as unknown as AppSpec;
  return {
    env: Array.isArray(env) ? [...env].sort() : [],
    envDigest,
    ...(envFile === undefined ? {} : { envFile }),
    ...(envAll ? { envAll } : {}),
  };
}

// 0.1 wrote values. Redis' scripts may write an object's fields in another order.
function oldEnvironment({ env, seal }: Record<string, unknown>): Environment {
  const values = env as Readonly<Record<string, string>>;
  const names = Object.keys(values).sort();
  const oldValues = Object.fromEntries(names.map((name) => [name, values[name] ?? '']));
  const isPlain = names.length === 0 && seal === undefined;
  return { env: names, envDigest: null, ...(isPlain ? {} : { oldValues }) };
}

/** As environment/kept-values.ts makes it; it is part of a file's name there. */
export function isEnvDigest(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}

type Kind =
  | { readonly kind: 'cat' }
  | { readonly kind: 'module'; readonly path: string }
  | { readonly kind: 'program'; readonly command: readonly string[]; readonly http?: false };

function parseKind({ kind, path, command, http }: Record<string, unknown>): Parsed<Kind> {
  if (kind === 'cat') return { ok: { kind } };
  if (kind === 'module') return isPath(path) ? { ok: { kind, path } } : { problem: 'path' };
  if (kind !== 'program') return { problem: 'kind' };
  if (!isCommand(command)) return { problem: 'command' };
  if (http === undefined) return { ok: { kind, command } };
  return http === false ? { ok: { kind, command, http } } : { problem: 'http' };
}

const common: Readonly<Record<string, (value: unknown) => boolean>> = {
  env: (value) => isNames(value) || isOldValues(value),
  envDigest: (value) => value === undefined || value === null || isEnvDigest(value),
  envFile: (value) => value === undefined || isPath(value),
  envAll: (value) => value === undefined || typeof value === 'boolean',
  cwd: (value) => value === null || isPath(value),
  health: (value) => value === null || isHealthPath(value),
  healthStatus: (value) => value === undefined || isStatusRange(value),
  drainSignal: (value) => value === undefined || DRAIN_SIGNALS.some((name) => name === value),
  killMs: isTimeOrNone,
  readyMs: isTimeOrNone,
  seal: (value) => value === undefined || (typeof value === 'string' && value.length <= MAX_NAME),
};

function isTimeOrNone(value: unknown): boolean {
  if (value === undefined) return true;
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= MAX_MS;
}

function isNames(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.length <= MAX_VARIABLES &&
    value.every((name) => isWord(name) && isVariableName(name))
  );
}

function isOldValues(value: unknown): boolean {
  return (
    isObject(value) &&
    Object.keys(value).length <= MAX_OLD_VARIABLES &&
    Object.entries(value).every(([name, text]) => isVariableName(name) && isWord(text))
  );
}

function isWord(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_WORD && !value.includes('\0');
}

function isPath(value: unknown): value is string {
  return isWord(value) && value.startsWith('/') && value.length <= MAX_PATH;
}

function isCommand(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.length <= MAX_WORDS &&
    value[0] !== '' &&
    value.every(isWord)
  );
}
