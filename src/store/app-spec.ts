import type { AppSpec } from './records.ts';

const MAX_NAME = 200;
const MAX_PATH = 4_096;
const MAX_WORDS = 200;
const MAX_VARIABLES = 200;
const MAX_WORD = 32 * 1_024;
const MAX_READY_MS = 24 * 3_600_000;

/** What a server serves when nothing else was asked for. */
export const catSpec: AppSpec = Object.freeze({ kind: 'cat', env: {}, cwd: null, health: null });

/** The app in a few words, for people. */
export function nameOfApp(spec: AppSpec): string {
  if (spec.kind === 'cat') return 'cat';
  const name = spec.kind === 'module' ? spec.path : spec.command.join(' ');
  return name.length > MAX_NAME ? `${name.slice(0, MAX_NAME - 1)}…` : name;
}

/** Gives a spec, or the name of the field that is not valid. Never throws. */
export function parseSpec(value: unknown): AppSpec | string {
  if (!isObject(value)) return 'spec';
  const wrong = Object.keys(common).find((name) => !common[name]?.(value[name]));
  if (wrong) return wrong;
  const kind = parseKind(value);
  if (typeof kind === 'string') return kind;
  const { env, cwd, health, readyMs, seal } = value as unknown as AppSpec;
  return {
    ...kind,
    env: inOrder(env),
    cwd,
    health,
    ...(readyMs === undefined ? {} : { readyMs }),
    ...(seal === undefined ? {} : { seal }),
  };
}

// Redis' scripts may write an object's fields in another order, and the same app is to look the same.
function inOrder(env: AppSpec['env']): AppSpec['env'] {
  return Object.fromEntries(Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Plain paths only: a door asks for it at an address that it was told. */
export function isHealthPath(value: unknown): value is string {
  return typeof value === 'string' && /^\/[A-Za-z0-9._~/-]{0,200}$/.test(value);
}

export function isVariableName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]{0,200}$/.test(name);
}

type Kind =
  | { readonly kind: 'cat' }
  | { readonly kind: 'module'; readonly path: string }
  | { readonly kind: 'program'; readonly command: readonly string[] };

function parseKind({ kind, path, command }: Record<string, unknown>): Kind | string {
  if (kind === 'cat') return { kind };
  if (kind === 'module') return isPath(path) ? { kind, path } : 'path';
  if (kind === 'program') return isCommand(command) ? { kind, command } : 'command';
  return 'kind';
}

const common: Readonly<Record<string, (value: unknown) => boolean>> = {
  env: (value) =>
    isObject(value) &&
    Object.keys(value).length <= MAX_VARIABLES &&
    Object.entries(value).every(([name, text]) => isVariableName(name) && isWord(text)),
  cwd: (value) => value === null || isPath(value),
  health: (value) => value === null || isHealthPath(value),
  readyMs: (value) =>
    value === undefined ||
    (Number.isInteger(value) && Number(value) >= 0 && Number(value) <= MAX_READY_MS),
  seal: (value) => value === undefined || (typeof value === 'string' && value.length <= MAX_NAME),
};

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
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
