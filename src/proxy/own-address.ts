import { networkInterfaces } from 'node:os';
import { type Allow, createAllow } from './allow.ts';

/** Where the door listens. */
export interface DoorAddress {
  readonly host: string;
  readonly port: number;
  readonly url: string;
}

const EVERYWHERE: ReadonlySet<string> = new Set(['0.0.0.0', '::', '']);

/** Says why no request may ever go to an address: not allowed, or the door itself. */
export function createBar(allow: Allow, own: () => DoorAddress) {
  const isOurs = createAllow(['127.0.0.0/8', '::1/128', 'localhost', ...localAddresses()]);
  return (host: string, port: number): string | null => {
    if (!allow(host)) return `${host} is outside --allow-backends`;
    const door = own();
    if (port !== door.port) return null;
    const same = EVERYWHERE.has(door.host) ? isOurs(host) : sameHost(host, door.host);
    return same ? 'its address is this door' : null;
  };
}

export function doorUrl(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

const LOOPBACK_NAMES: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '::1']);

function sameHost(host: string, other: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (bare === other.toLowerCase()) return true;
  return LOOPBACK_NAMES.has(bare) && LOOPBACK_NAMES.has(other);
}

function localAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? []).map(({ address }) => address.replace(/%.*$/, '')),
  );
}
