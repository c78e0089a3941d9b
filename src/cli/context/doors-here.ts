import type { Running } from '../../process/our-process.ts';
import type { Context } from './context.ts';
import { fleetHere } from './fleet-here.ts';

/** A door of this state folder, and where its admin listener is. */
export interface DoorHere {
  /** `http://host:port` */
  readonly admin: string;
  /** As sockets want it: an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
  readonly pid: number;
}

const ADDRESS = /^http:\/\/(127\.0\.0\.1|localhost|\[::1\]):(\d{1,5})$/;

/**
 * Those that may be given the token. Found without Redis, where anybody may have written an address: a
 * note in the state folder says where, and the port is that process' own.
 */
export async function doorsHere(context: Context): Promise<DoorHere[]> {
  const { portPids } = await import('../../process/port-holder.ts');
  const { ours } = await fleetHere(context);
  // Elsewhere than on Linux it cannot be told who listens.
  const listens = ({ port, pid }: DoorHere) =>
    process.platform !== 'linux' || portPids(port).includes(pid);
  return ours.flatMap(placeOf).filter(listens);
}

function placeOf({ admin = '', pid }: Running): DoorHere[] {
  const [, host, port] = ADDRESS.exec(admin) ?? [];
  if (host === undefined) return [];
  return [{ admin, host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port), pid }];
}
