import { bracket } from '../../address.ts';
import { UsageError } from '../../errors.ts';
import { plain, quote } from '../../text.ts';

/** What to connect to. */
export type RedisPlace =
  | { readonly host: string; readonly port: number }
  /** Path of a Unix socket, absolute. */
  | { readonly path: string };

/** Where a Redis is and how to enter it. */
export interface RedisAddress {
  readonly place: RedisPlace;
  readonly username?: string;
  readonly password?: string;
  readonly db: number;
  readonly tls: boolean;
  /** `host:port` or the path of the socket, fit for messages. */
  readonly label: string;
}

const DEFAULT_PORT = 6379;
/** What Linux has room for in the address of a socket. */
const MAX_PATH_BYTES = 107;
const REMEDY =
  'Use redis://[user:password@]host[:port][/db], rediss:// for TLS, or unix:///path.sock[?db=n]';

/** A setting under its name. */
interface Setting {
  readonly name: string;
  readonly value: string;
}

/**
 * Parses `redis://`, `rediss://` (IANA provisional scheme, redis.io/docs/clients), `unix://` and
 * `redis+unix://`. Nothing in it is ignored: what is not understood is refused.
 * @param name the setting it came from, for the message
 * @throws UsageError that names the setting, with the password masked
 */
export function parseRedisUrl(value: string, name = 'REDIS_URL'): RedisAddress {
  const setting = { name, value };
  return /^(redis\+)?unix:/i.test(value) ? ofSocket(setting) : ofHost(setting);
}

/** The same with all that may be user, password or secret hidden, also where it is no URL. */
export function maskRedisUrl(value: string): string {
  return value
    .replace(/^([a-z][a-z0-9+.-]*:)?(\/*).*@/is, '$1$2:***@')
    .replace(/([?&](?!db=\d*(&|$))[^=&]*=)[^&]*/gi, '$1***');
}

function ofHost(setting: Setting): RedisAddress {
  const url = parse(setting);
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:') throw wrong(setting);
  if (url.hash !== '') throw refused(setting, 'has a "#" in it', 'Write it as %23');
  const host = decoded(url.hostname, setting).replace(/^\[|\]$/g, '') || '127.0.0.1';
  const port = url.port === '' ? DEFAULT_PORT : Number(url.port);
  if (port === 0) throw wrong(setting);
  return {
    place: { host, port },
    ...credentials(url.username, url.password, setting),
    db: database(url.pathname.replace(/^\//, ''), url.searchParams, setting),
    tls: url.protocol === 'rediss:',
    label: plain(`${bracket(host)}:${port}`),
  };
}

// Not by `URL`: it takes no user and password without a host.
function ofSocket(setting: Setting): RedisAddress {
  const [, username = '', password = '', rest = ''] =
    /^[a-z+]+:(?:\/\/(?:([^/@:]*)(?::([^/@]*))?@)?)?(.*)$/is.exec(setting.value) ?? [];
  const [, written = '', query = ''] = /^([^?]*)\??(.*)$/s.exec(rest) ?? [];
  if (rest.includes('#')) throw refused(setting, 'has a "#" in it', 'Write it as %23');
  const path = decoded(written, setting);
  if (!path.startsWith('/') || path.includes('\0')) {
    const remedy = 'It begins with a slash: unix:///run/redis.sock';
    throw refused(setting, 'has no absolute path of a socket', remedy);
  }
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
    const remedy = 'Let Redis make its socket (unixsocket) under a shorter path';
    throw refused(setting, `has a path of more than ${MAX_PATH_BYTES} bytes`, remedy);
  }
  return {
    place: { path },
    ...credentials(username, password, setting),
    db: database('', new URLSearchParams(query), setting),
    tls: false,
    label: plain(path),
  };
}

function parse(setting: Setting): URL {
  try {
    return new URL(setting.value);
  } catch {
    throw wrong(setting);
  }
}

function decoded(text: string, setting: Setting): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong(setting);
  }
}

// A user without a password is one that Redis lets in by name alone (`nopass`).
function credentials(
  username: string,
  password: string,
  setting: Setting,
): Pick<RedisAddress, 'username' | 'password'> {
  if (username === '' && password === '') return {};
  const secret = decoded(password, setting);
  return username === ''
    ? { password: secret }
    : { username: decoded(username, setting), password: secret };
}

/** From the path, or from `?db=`: nothing else may stand there. */
function database(path: string, query: URLSearchParams, setting: Setting): number {
  for (const name of query.keys()) {
    if (name === 'db') continue;
    const remedy = 'Only ?db= may stand there; user and password go before the @';
    throw refused(setting, `has a parameter ${quote(name)} that meowctl does not know`, remedy);
  }
  const named = [...(path === '' ? [] : [path]), ...query.getAll('db')];
  if (named.some((db) => !/^\d{1,5}$/.test(db))) throw wrong(setting);
  const databases = new Set(named.map(Number));
  if (databases.size <= 1) return Number(named[0] ?? 0);
  const both = [...databases].join(' and ');
  throw refused(setting, `names two databases, ${both}`, 'Name one: /3, or ?db=3');
}

function wrong(setting: Setting): UsageError {
  return refused(setting, 'is not a Redis address', REMEDY);
}

function refused({ name, value }: Setting, why: string, remedy: string): UsageError {
  return new UsageError(`${name} ${quote(maskRedisUrl(value))} ${why}`, remedy);
}
