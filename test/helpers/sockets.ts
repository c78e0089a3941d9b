import { readFileSync } from 'node:fs';

const ESTABLISHED = '01';

/** Connections to this port of 127.0.0.1 that are open on the side of whoever made them: proc(5), /proc/net/tcp. */
export function connectionsTo(port: number): number {
  return established(([, , to]) => to, port);
}

/** The same on the side of whoever listens there. */
export function connectionsAt(port: number): number {
  return established(([, from]) => from, port);
}

function established(side: (fields: string[]) => string | undefined, port: number): number {
  const place = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const lines = readFileSync('/proc/net/tcp', 'utf8').split('\n');
  const fields = lines.map((line) => line.trim().split(/\s+/));
  return fields.filter((each) => side(each) === place && each[3] === ESTABLISHED).length;
}
