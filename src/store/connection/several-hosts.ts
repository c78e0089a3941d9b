import { isHost, LAST_PORT } from '../../address.ts';
import { quote } from '../../text.ts';
import { type HostAndPort, nameOf, type RedisAddress } from './redis-address.ts';
import { credentials, database, decoded, refused, type Setting, wrong } from './url-parts.ts';

const PORTS = { sentinel: 26_379, cluster: 6_379 } as const;
/** What Sentinel itself allows in the name of a primary. */
const MASTER = /^[A-Za-z0-9._-]{1,128}$/;

type Kind = keyof typeof PORTS;

/** What stands in it, still as it is written. */
interface Written {
  readonly entry: Pick<RedisAddress, 'username' | 'password' | 'tls'>;
  readonly hosts: readonly HostAndPort[];
  readonly path: string;
  readonly query: URLSearchParams;
}

/**
 * `redis+sentinel://` and `redis+cluster://`, which `URL` does not take for their several hosts; null
 * for any other.
 * @throws UsageError
 */
export function severalHosts(setting: Setting): RedisAddress | null {
  const [, tls, named] = /^redis(s?)\+(sentinel|cluster):/i.exec(setting.value) ?? [];
  if (named === undefined) return null;
  const kind = named.toLowerCase() as Kind;
  const written = read(setting, kind, tls !== '');
  return kind === 'sentinel' ? ofSentinels(setting, written) : ofCluster(setting, written);
}

function read(setting: Setting, kind: Kind, tls: boolean): Written {
  const [, username = '', password = '', hosts = '', path = '', query = ''] =
    /^[^:]+:\/\/(?:([^/@:]*)(?::([^/@]*))?@)?([^/?@]+)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(
      setting.value,
    ) ?? [];
  if (hosts === '') throw wrong(setting);
  if (setting.value.includes('#')) throw refused(setting, 'has a "#" in it', 'Write it as %23');
  return {
    entry: { ...credentials(username, password, setting), tls },
    hosts: hosts.split(',').map((host) => hostAndPort(host, PORTS[kind], setting)),
    path,
    query: new URLSearchParams(query),
  };
}

function hostAndPort(text: string, defaultPort: number, setting: Setting): HostAndPort {
  const [, six, name, written] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = decoded(six ?? name ?? '', setting);
  const port = written === undefined ? defaultPort : Number(written);
  if (isHost(host) && port > 0 && port <= LAST_PORT) return { host, port };
  const remedy = 'Write each as host:port, with commas between them';
  throw refused(setting, `has ${quote(text)} where a host is to be`, remedy);
}

function ofSentinels(setting: Setting, { entry, hosts, path, query }: Written): RedisAddress {
  const [, name = '', db = ''] = /^([^/]*)(?:\/(.*))?$/s.exec(path) ?? [];
  const master = decoded(name, setting);
  if (!MASTER.test(master)) {
    const remedy = 'Name it as the sentinels do: redis+sentinel://host:26379,…/mymaster';
    throw refused(setting, 'names no master behind its sentinels', remedy);
  }
  return {
    place: { sentinels: hosts, master },
    ...entry,
    db: database(db, query, setting),
    label: `${master}@${labelOf(hosts)}`,
  };
}

function ofCluster(setting: Setting, { entry, hosts, path, query }: Written): RedisAddress {
  if (database(path, query, setting) !== 0) {
    throw refused(setting, 'names a database, and a cluster has only 0', 'Leave it out');
  }
  return { place: { nodes: hosts }, ...entry, db: 0, label: labelOf(hosts) };
}

/** One name for one Redis, in whatever order its hosts are written: notes are found by it. */
function labelOf(hosts: readonly HostAndPort[]): string {
  return [...new Set(hosts.map(nameOf))].sort().join(',');
}
