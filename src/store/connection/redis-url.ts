import { plain } from '../../text.ts';
import { isNode, type NodeAddress, nameOf, type RedisAddress } from './redis-address.ts';
import { severalHosts } from './several-hosts.ts';
import { credentials, database, decoded, refused, type Setting, wrong } from './url-parts.ts';

export { maskRedisUrl } from './url-parts.ts';

const DEFAULT_PORT = 6379;
/** What Linux has room for in the address of a socket. */
const MAX_PATH_BYTES = 107;

/**
 * Parses `redis://`, `rediss://` (IANA provisional scheme, redis.io/docs/clients), `unix://` and
 * `redis+unix://`, `redis+sentinel://` and `redis+cluster://`. Nothing in it is ignored: what is not
 * understood is refused.
 * @param name the setting it came from, for the message
 * @throws UsageError that names the setting, with the password masked
 */
export function parseRedisUrl(value: string, name = 'REDIS_URL'): RedisAddress {
  const setting = { name, value };
  if (/^(redis\+)?unix:/i.test(value)) return ofSocket(setting);
  return severalHosts(setting) ?? ofHost(setting);
}

/** The same where one Redis is meant, and whoever stands behind it is not asked for. */
export function parseNodeUrl(value: string, name: string): NodeAddress {
  const address = parseRedisUrl(value, name);
  if (isNode(address)) return address;
  throw refused({ name, value }, 'names more than one Redis', 'Set REDIS_URL to it');
}

function ofHost(setting: Setting): NodeAddress {
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
    label: plain(nameOf({ host, port })),
  };
}

// Not by `URL`: it takes no user and password without a host.
function ofSocket(setting: Setting): NodeAddress {
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
