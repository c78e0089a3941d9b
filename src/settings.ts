import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { isHost } from './address.ts';
import { childEnv, type SocketActivation, socketActivation } from './child-env.ts';
import { type DebugSection, debugSections } from './debug.ts';
import { defaults } from './defaults.ts';
import { FailedError, UsageError } from './errors.ts';
import { quote } from './text.ts';

/** NAME_MAX; and PATH_MAX of Linux, with room for our own files below it. */
const MAX_NAME_BYTES = 255;
const MAX_PATH_BYTES = 3_900;

/** What one run of meowctl was told. Rooms are handed values from it, never the whole. */
export interface Settings {
  /** `REDIS_URL`, or null: then the local Redis of the state folder, then `redisProbeUrl`. */
  readonly redisUrl: string | null;
  /** `MEOW_SENTINEL_USER`, `MEOW_SENTINEL_PASSWORD`: for sentinels that `REDIS_URL` names. */
  readonly sentinel: SentinelCredentials;
  /** `MEOW_DURABLE=1`: an upload waits until a replica has it too. */
  readonly durable: boolean;
  readonly redisProbeUrl: string;
  readonly namespace: string;
  /** State folder: logs, local Redis, admin token. Not made before something must be written. */
  readonly home: string;
  readonly advertise: string | null;
  /** `MEOW_LISTEN`: the address that this host's servers listen on where no flag says another. */
  readonly serverHost: string;
  /** `MEOW_APP`: what a server is to serve, as JSON, from whoever started it. */
  readonly app: string | null;
  readonly color: 'always' | 'never' | 'auto';
  /** Whether a terminal here shows more than ASCII: `LC_ALL`, `LC_CTYPE`, `LANG`. */
  readonly utf8: boolean;
  /** Whether a terminal here can only print line after line: `TERM`. */
  readonly dumb: boolean;
  /** What else is known of the terminal without asking it. */
  readonly terminal: TerminalSettings;
  readonly activation: SocketActivation | null;
  /** `NOTIFY_SOCKET`: systemd waits to hear that this is ready, and which process is the main one. */
  readonly notifies: boolean;
  /** `MEOW_DEBUG`: what is written to stderr of what goes on inside. */
  readonly debug: readonly DebugSection[];
  /** All that is set here: what of it a child gets is for environment/app-environment.ts to say. */
  readonly childEnv: Readonly<Record<string, string>>;
}

interface SentinelCredentials {
  readonly username?: string;
  readonly password?: string;
}

export interface TerminalSettings {
  /** In tmux or screen. */
  readonly multiplexed: boolean;
  /** 24 bits of colour, as `COLORTERM` says. */
  readonly trueColor: boolean;
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Reads the settings from an environment.
 * @throws UsageError naming the variable when one cannot be right.
 */
export function readSettings(env: Env): Settings {
  // A module's server clears its own environment of what is not for the module.
  const asItWas = { ...env };
  return Object.freeze({
    redisUrl: given(env, 'REDIS_URL'),
    sentinel: sentinel(env),
    durable: durable(given(env, 'MEOW_DURABLE')),
    redisProbeUrl: given(env, 'MEOW_REDIS_PROBE') ?? defaults.redisProbeUrl,
    namespace: namespace(namespaceIn(env)),
    // Asked for only where it is needed: a user without a home may still want --help.
    get home() {
      return stateFolder(asItWas);
    },
    advertise: hostIn(env, 'MEOW_ADVERTISE', 'the name or address others reach this machine by'),
    serverHost:
      hostIn(env, 'MEOW_LISTEN', 'an address of this machine, or 0.0.0.0 for all of them') ??
      defaults.serverHost,
    app: given(env, 'MEOW_APP'),
    color: color(env),
    utf8: isUtf8(env),
    dumb: (given(env, 'TERM') ?? 'dumb') === 'dumb',
    terminal: terminal(env),
    activation: socketActivation(env),
    notifies: given(env, 'NOTIFY_SOCKET') !== null,
    debug: debugIn(given(env, 'MEOW_DEBUG')),
    childEnv: childEnv(env),
  });
}

function given(env: Env, name: string): string | null {
  const value = env[name];
  return value === undefined || value === '' ? null : value;
}

/** The namespace that an environment names, right or wrong. */
export function namespaceIn(env: Env): string {
  return given(env, 'MEOW_NAMESPACE') ?? defaults.namespace;
}

function namespace(value: string): string {
  if (/^[A-Za-z0-9._-]{1,64}$/.test(value)) return value;
  throw new UsageError(
    `MEOW_NAMESPACE ${quote(value)} is not a namespace`,
    'Use 1 to 64 of the characters A-Z a-z 0-9 . _ -',
  );
}

// As in REDIS_URL: a user without a password is one that is let in by name alone.
function sentinel(env: Env): SentinelCredentials {
  const username = given(env, 'MEOW_SENTINEL_USER');
  const password = given(env, 'MEOW_SENTINEL_PASSWORD');
  if (username === null) return password === null ? {} : { password };
  return { username, password: password ?? '' };
}

function durable(value: string | null): boolean {
  if (value === null || value === '0') return false;
  if (value === '1') return true;
  throw new UsageError(
    `MEOW_DURABLE ${quote(value)} is neither 1 nor 0`,
    'Use 1 where an upload is to wait until a replica has it, else leave it out',
  );
}

function hostIn(env: Env, name: string, what: string): string | null {
  const value = given(env, name);
  if (value === null || isHost(value)) return value;
  throw new UsageError(`${name} ${quote(value)} is not a host`, `Use ${what}`);
}

/**
 * The state folder that an environment names.
 * @param cwd where a relative path starts, if not here
 */
export function stateFolder(env: Env, cwd = ''): string {
  const own = given(env, 'MEOW_HOME');
  if (own !== null) return absolute(cwd, own, 'MEOW_HOME');
  const state = given(env, 'XDG_STATE_HOME') ?? join(ownHome(env), '.local/state');
  return join(absolute(cwd, state, 'XDG_STATE_HOME'), 'meowctl');
}

// Asked only where nothing else is said: a user without an entry in passwd has none.
function ownHome(env: Env): string {
  const named = given(env, 'HOME');
  if (named !== null) return named;
  try {
    return homedir();
  } catch (cause) {
    const message = 'no place for the state folder: HOME is not set, and this user has no home';
    throw new FailedError('no-home', message, 'Set MEOW_HOME to a folder of your own', { cause });
  }
}

function absolute(cwd: string, path: string, name: string): string {
  try {
    const whole = resolve(cwd, path);
    mustFit(whole, name);
    return whole;
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    const message = `${name} ${quote(path)} is relative, and the current folder is gone`;
    throw new UsageError(message, `Give ${name} an absolute path, or go to another folder`, {
      cause,
    });
  }
}

/** Longer ones no file system takes, whatever is done with them. */
function mustFit(path: string, name: string): void {
  const bytes = path.split('/').map((part) => Buffer.byteLength(part));
  const longest = Math.max(...bytes);
  if (longest <= MAX_NAME_BYTES && Buffer.byteLength(path) <= MAX_PATH_BYTES) return;
  const message = `${name} ${quote(path)} is too long: a folder's name has at most ${MAX_NAME_BYTES} bytes, all of it ${MAX_PATH_BYTES}`;
  throw new UsageError(message, `Set ${name} to a shorter path`);
}

function debugIn(value: string | null): readonly DebugSection[] {
  const words = (value ?? '').split(',').map((word) => word.trim());
  const named = words.filter((word) => word !== '');
  if (named.includes('*')) return debugSections;
  const sections = debugSections.filter((section) => named.includes(section));
  if (sections.length === new Set(named).size) return sections;
  const unknown = named.find((word) => !debugSections.some((section) => section === word));
  throw new UsageError(
    `MEOW_DEBUG ${quote(unknown ?? '')} is no section`,
    `Use some of ${debugSections.join(', ')}, with commas, or *`,
  );
}

// https://no-color.org and Node's own FORCE_COLOR: a set NO_COLOR wins.
function color(env: Env): Settings['color'] {
  if (given(env, 'NO_COLOR') !== null) return 'never';
  const force = given(env, 'FORCE_COLOR');
  if (force === null) return 'auto';
  return force === '0' || force === 'false' ? 'never' : 'always';
}

// The first that is set counts (POSIX, 8.2); macOS says only `UTF-8`.
function isUtf8(env: Env): boolean {
  const named = given(env, 'LC_ALL') ?? given(env, 'LC_CTYPE') ?? given(env, 'LANG') ?? 'C';
  return /utf-?8/i.test(named);
}

function terminal(env: Env): TerminalSettings {
  const term = given(env, 'TERM') ?? '';
  const multiplexer = given(env, 'TMUX') ?? given(env, 'STY');
  return {
    multiplexed: multiplexer !== null || /^(tmux|screen)/.test(term),
    trueColor: /^(truecolor|24bit)$/i.test(env.COLORTERM ?? '') || /-direct\b/.test(term),
  };
}
