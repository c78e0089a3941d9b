import ipaddr from 'ipaddr.js';
import { UsageError } from '../../errors.ts';
import { quote } from '../../text.ts';

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

function parseNetwork(entry: string): Network | null {
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
