import { defaults } from '../defaults.ts';
import type { AppSpec, StatusRange } from './records.ts';

const MAX_NAME = 200;
const MAX_PATH = 4_096;
const MAX_WORDS = 200;
const MAX_OLD_VARIABLES = 200;
const MAX_WORD = 32 * 1_024;
const MAX_MS = 24 * 3_600_000;

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

/** Gives a spec, or the name of the field that is not valid. Never throws. */
export function parseSpec(value: unknown): AppSpec | string {
  if (!isObject(value)) return 'spec';
  const wrong = Object.keys(common).find((name) => !common[name]?.(value[name]));
  if (wrong) return wrong;
  const kind = parseKind(value);
  if (typeof kind === 'string') return kind;
  const { cwd, health, healthStatus, drainSignal } = value as unknown as AppSpec;
  const { killMs, readyMs, seal } = value as unknown as AppSpec;
  return {
    ...kind,
    ...environment(value),
    cwd,
    health,
    ...(healthStatus === undefined ? {} : { healthStatus }),
    ...(drainSignal === undefined ? {} : { drainSignal }),
    ...(killMs === undefined ? {} : { killMs }),
    ...(readyMs === undefined ? {} : { readyMs }),
    ...(seal === undefined ? {} : { seal }),
  };
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

/** Plain paths only: a door asks for it at an address that it was told. */
export function isHealthPath(value: unknown): value is string {
  return typeof value === 'string' && /^\/[A-Za-z0-9._~/-]{0,200}$/.test(value);
}

/** RFC 9110 §15: from 100 to 599. */
export function isStatusRange(value: unknown): value is StatusRange {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [from, to] = value;
  return [from, to].every(Number.isInteger) && from >= 100 && from <= to && to <= 599;
}

/** Whether a shell could set it. */
export function isVariableName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name);
}

/** As fleet/kept-values.ts makes it; it is part of a file's name there. */
export function isEnvDigest(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}

type Kind =
  | { readonly kind: 'cat' }
  | { readonly kind: 'module'; readonly path: string }
  | { readonly kind: 'program'; readonly command: readonly string[]; readonly http?: false };

function parseKind({ kind, path, command, http }: Record<string, unknown>): Kind | string {
  if (kind === 'cat') return { kind };
  if (kind === 'module') return isPath(path) ? { kind, path } : 'path';
  if (kind !== 'program') return 'kind';
  if (!isCommand(command)) return 'command';
  if (http === undefined) return { kind, command };
  return http === false ? { kind, command, http } : 'http';
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

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNames(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.length <= defaults.maxEnvVariables &&
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
