/** Where a server that listens at this address can be reached from its own machine. */
export function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

/** As it stands in a url. */
export function bracket(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
