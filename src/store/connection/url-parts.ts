import { UsageError } from '../../errors.ts';
import { quote } from '../../text.ts';
import type { Credentials } from './redis-address.ts';

const REMEDY =
  'Use redis://[user:password@]host[:port][/db], rediss:// for TLS, unix:///path.sock[?db=n], redis+sentinel://host:port,…/master or redis+cluster://host:port,…';

/** A setting under its name. */
export interface Setting {
  readonly name: string;
  readonly value: string;
}

/** The same with all that may be user, password or secret hidden, also where it is no URL. */
export function maskRedisUrl(value: string): string {
  return value
    .replace(/^([a-z][a-z0-9+.-]*:)?(\/*).*@/is, '$1$2:***@')
    .replace(/([?&](?!db=\d*(&|$))[^=&]*=)[^&]*/gi, '$1***');
}

export function decoded(text: string, setting: Setting): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong(setting);
  }
}

// A user without a password is one that Redis lets in by name alone (`nopass`).
export function credentials(username: string, password: string, setting: Setting): Credentials {
  if (username === '' && password === '') return {};
  const secret = decoded(password, setting);
  return username === ''
    ? { password: secret }
    : { username: decoded(username, setting), password: secret };
}

/** From the path, or from `?db=`: nothing else may stand there. */
export function database(path: string, query: URLSearchParams, setting: Setting): number {
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

export function wrong(setting: Setting): UsageError {
  return refused(setting, 'is not a Redis address', REMEDY);
}

export function refused({ name, value }: Setting, why: string, remedy: string): UsageError {
  return new UsageError(`${name} ${quote(maskRedisUrl(value))} ${why}`, remedy);
}
