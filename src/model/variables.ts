/*
 * Which variables reach an app: docs/operations.md, "The environment of an app".
 */

export type Variables = Readonly<Record<string, string>>;

/** How many may be declared for one app. */
export const MAX_VARIABLES = 2_000;

/**
 * Tells about the machine and its user, not about the app: without them a program does not find
 * its files, other programs, the way to the network, or the certificates it needs there.
 */
const BASE = new Set([
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'LANGUAGE', 'TZ', 'TZDIR', 'TMPDIR'],
  ...['NODE_ENV', 'NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR'],
  ...['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'ALL_PROXY'],
  ...['http_proxy', 'https_proxy', 'no_proxy', 'all_proxy'],
  ...['LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH', 'DYLD_FALLBACK_LIBRARY_PATH'],
  // Nix, where a program finds neither loader nor locales nor certificates without them.
  ...['NIX_LD', 'NIX_LD_LIBRARY_PATH', 'NIX_SSL_CERT_FILE', 'LOCALE_ARCHIVE'],
  // macOS: the user's text encoding.
  '__CF_USER_TEXT_ENCODING',
]);
const BASE_KINDS = /^(LC|XDG)_/;

/** A shell's own, different in each and of no use to anybody else. */
const OF_THE_SHELL = new Set(['_', 'SHLVL', 'PWD', 'OLDPWD']);

/** Whether a shell could set it. */
export function isVariableName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name);
}

function isBase(name: string): boolean {
  return BASE.has(name) || BASE_KINDS.test(name);
}

/** Meant for meowctl: an app gets one only if it was named. */
export function isSetting(name: string): boolean {
  return name === 'REDIS_URL' || name.startsWith('MEOW_');
}

export function baseOf(here: Variables): Variables {
  return only(here, isBase);
}

/** What is neither base nor for meowctl. */
export function othersOf(here: Variables): Variables {
  return only(here, isOther);
}

export function only(variables: Variables, keep: (name: string) => boolean): Variables {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => keep(name)));
}

/** What it takes in an environment: `NAME=VALUE` and its end. */
export function variableBytes(name: string, value: string): number {
  return Buffer.byteLength(name) + Buffer.byteLength(value) + 2;
}

function isOther(name: string): boolean {
  return isVariableName(name) && !isBase(name) && !isSetting(name) && !OF_THE_SHELL.has(name);
}
