export const LAST_PORT = 65_535;

/** Where a server that listens at this address can be reached from its own machine. */
export function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

/** As it stands in a url. */
export function bracket(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** A server's address in a url: `http://host:port`. */
export function httpUrl(host: string, port: number): string {
  return `http://${bracket(host)}:${port}`;
}

/** The same over TLS. */
export function httpsUrl(host: string, port: number): string {
  return `https://${bracket(host)}:${port}`;
}

/** Whether a text can be an address or a host name. RFC 1035 §2.3.4: at most 255 characters. */
export function isHost(text: string): boolean {
  return /^[A-Za-z0-9:_][A-Za-z0-9.:_-]{0,254}$/.test(text);
}
