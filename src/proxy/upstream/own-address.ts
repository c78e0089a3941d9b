import { networkInterfaces } from 'node:os';
import ipaddr from 'ipaddr.js';
import { type Allow, createAllow } from './allow.ts';

/** Where the door listens, or something else of ours. */
export interface OwnAddress {
  readonly host: string;
  readonly port: number;
}

const EVERYWHERE: ReadonlySet<string> = new Set(['0.0.0.0', '::', '']);

/** Says why no request may ever go to an address: not allowed, or the door's own. */
export function createBar(allow: Allow, door: OwnAddress, others: readonly OwnAddress[]) {
  const isOurs = createAllow(['127.0.0.0/8', '::1/128', 'localhost', ...localAddresses()]);
  return (host: string, port: number): string | null => {
    if (!allow(host)) return `${host} is outside --allow-backends`;
    const isAt = (own: OwnAddress) =>
      port === own.port && (EVERYWHERE.has(own.host) ? isOurs(host) : sameHost(host, own.host));
    if (isAt(door)) return 'its address is this door';
    return others.some(isAt) ? "its address is this door's admin" : null;
  };
}

export function doorUrl(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

const LOOPBACK_NAMES: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '::1']);

function sameHost(host: string, other: string): boolean {
  const bare = plainSpelling(host.replace(/^\[(.*)\]$/, '$1'));
  if (bare === plainSpelling(other)) return true;
  return LOOPBACK_NAMES.has(bare) && LOOPBACK_NAMES.has(other);
}

// `::ffff:127.0.0.1` is 127.0.0.1, and `0:0::1` is `::1`.
function plainSpelling(host: string): string {
  return ipaddr.isValid(host) ? ipaddr.process(host).toString() : host.toLowerCase();
}

function localAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? []).map(({ address }) => address.replace(/%.*$/, '')),
  );
}
