import { networkInterfaces } from 'node:os';
import ipaddr from 'ipaddr.js';
import { UsageError } from '../../errors.ts';
import type { RoutedView } from '../../model/fleet-view.ts';
import { quote } from '../../text.ts';

/** Where the door listens, or something else of ours. */
export interface OwnAddress {
  readonly host: string;
  readonly port: number;
}

const EVERYWHERE: ReadonlySet<string> = new Set(['0.0.0.0', '::', '']);

/** Says why no request may ever go to an address: not allowed, or the door's own. */
export function createDenial(allow: Allow, door: OwnAddress, others: readonly OwnAddress[]) {
  const isOurs = createAllow(['127.0.0.0/8', '::1/128', 'localhost', ...localAddresses()]);
  return (host: string, port: number): string | null => {
    if (!allow(host)) return `${host} is outside --allow-backends`;
    const isAt = (own: OwnAddress) =>
      port === own.port && (EVERYWHERE.has(own.host) ? isOurs(host) : sameHost(host, own.host));
    if (isAt(door)) return 'its address is this door';
    return others.some(isAt) ? "its address is this door's admin" : null;
  };
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

/** Whether a host, as it stands in a url or as a socket gives it, is on the list. */
export type Allow = (host: string) => boolean;

type Network = [ipaddr.IPv4 | ipaddr.IPv6, number];

const NAME = /^[a-z0-9]([a-z0-9._-]{0,253}[a-z0-9])?$/;
const DOTTED_NUMBERS = /^[0-9.]+$|^0x/;

/**
 * A list of addresses, networks and names. Names match as they are written and are never looked
 * up to compare them: who owns a name's DNS must not choose where the door connects to.
 * @throws UsageError for an entry that is none of them
 */
export function createAllow(entries: readonly string[]): Allow {
  const names = new Set<string>();
  const networks: Network[] = [];
  for (const entry of entries) {
    const network = parseNetwork(entry);
    if (network) networks.push(network);
    else names.add(parseName(entry));
  }
  return (host) => {
    const address = parseAddress(host.replace(/^\[(.*)\]$/, '$1'));
    if (!address) return names.has(host.toLowerCase());
    return networks.some((network) => contains(network, address));
  };
}

/** An address, or a network as CIDR (RFC 4632 §3.1); null for anything else. */
export function parseNetwork(entry: string): Network | null {
  const [host = '', bits, ...more] = entry.split('/');
  const address = parseAddress(host);
  if (!address || more.length > 0) return null;
  const longest = address.kind() === 'ipv4' ? 32 : 128;
  if (bits === undefined) return [address, longest];
  return /^\d{1,3}$/.test(bits) && Number(bits) <= longest ? [address, Number(bits)] : null;
}

function parseName(entry: string): string {
  const name = entry.toLowerCase();
  if (NAME.test(name) && !DOTTED_NUMBERS.test(name)) return name;
  throw new UsageError(
    `${quote(entry)} is not an address, a network or a name`,
    'Use for example 10.0.0.0/8, 192.168.1.20 or web1.internal',
  );
}

// Only the plain spellings: 127.1, 0x7f000001 and 2130706433 are refused, not understood.
function parseAddress(host: string): ipaddr.IPv4 | ipaddr.IPv6 | null {
  if (ipaddr.IPv4.isValidFourPartDecimal(host)) return ipaddr.IPv4.parse(host);
  return ipaddr.IPv6.isValid(host) ? ipaddr.process(host) : null;
}

function contains([range, bits]: Network, address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  return address.kind() === range.kind() && address.match(range, bits);
}

/**
 * The addresses that several live records claim. A record whose lease ran out does not count: a
 * restarted server may well have the same port.
 */
export function urlsInConflict({ servers }: RoutedView): ReadonlySet<string> {
  const urls = new Set<string>();
  const inConflict = new Set<string>();
  for (const { record, leaseLeftMs } of servers) {
    if (leaseLeftMs === null || leaseLeftMs <= 0 || record.state === 'draining') continue;
    (urls.has(record.url) ? inConflict : urls).add(record.url);
  }
  return inConflict;
}
