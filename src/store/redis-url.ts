import { UsageError } from '../errors.ts';
import { plain, quote } from '../text.ts';

/** Where a Redis is and how to enter it. */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
  readonly db: number;
  readonly tls: boolean;
  /** `host:port`, fit for messages. */
  readonly label: string;
}

const DEFAULT_PORT = 6379;
const REMEDY = 'Use redis://[user:password@]host[:port][/db], or rediss:// for TLS';

/**
 * Parses `redis://` and `rediss://` (IANA provisional scheme, redis.io/docs/clients).
 * @param name the setting it came from, for the message
 * @throws UsageError that names the setting, with the password masked
 */
export function parseRedisUrl(value: string, name = 'REDIS_URL'): RedisAddress {
  const url = parse(value, name);
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:') throw wrong(value, name);
  const host = decodeURIComponent(url.hostname).replace(/^\[|\]$/g, '') || '127.0.0.1';
  const port = url.port === '' ? DEFAULT_PORT : Number(url.port);
  if (port === 0) throw wrong(value, name);
  return {
    host,
    port,
    ...credentials(url),
    db: database(url, value, name),
    tls: url.protocol === 'rediss:',
    label: plain(`${host.includes(':') ? `[${host}]` : host}:${port}`),
  };
}

/** The same with all that may be user and password hidden, also where it is no URL. */
export function maskRedisUrl(value: string): string {
  return value.replace(/^([a-z][a-z0-9+.-]*:)?(\/*).*@/is, '$1$2:***@');
}

function parse(value: string, name: string): URL {
  try {
    const url = new URL(value);
    decodeURIComponent(url.username + url.password + url.hostname);
    return url;
  } catch {
    throw wrong(value, name);
  }
}

function credentials(url: URL): Pick<RedisAddress, 'username' | 'password'> {
  if (url.password === '') return {};
  const password = decodeURIComponent(url.password);
  if (url.username === '') return { password };
  return { username: decodeURIComponent(url.username), password };
}

function database(url: URL, value: string, name: string): number {
  const path = url.pathname.replace(/^\//, '');
  if (path === '') return 0;
  if (!/^\d{1,5}$/.test(path)) throw wrong(value, name);
  return Number(path);
}

function wrong(value: string, name: string): UsageError {
  return new UsageError(`${name} ${quote(maskRedisUrl(value))} is not a Redis address`, REMEDY);
}
