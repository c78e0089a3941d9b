import { FailedError } from '../../errors.ts';
import type { Older } from '../../handover/ask.ts';
import { type Places, SOCKET_NAMES, type SocketName } from '../../handover/conversation.ts';
import { adminAddress } from './open-admin.ts';
import type { DoorFlags } from './open-door.ts';

/** Where a door listens by its flags. */
export function placesOf(flags: DoorFlags): Places {
  const { host, port, redirectHttp } = flags;
  return {
    door: { host, port },
    admin: flags.admin ? adminAddress(flags) : null,
    redirect: redirectHttp === undefined ? null : { host, port: redirectHttp },
  };
}

/** The flags of a door that listens there. */
export function withPlaces<F extends DoorFlags>(flags: F, { door, admin, redirect }: Places): F {
  return {
    ...flags,
    ...(door ? { host: door.host, port: door.port } : {}),
    ...(admin ? { adminHost: admin.host, adminPort: admin.port } : {}),
    ...(redirect ? { redirectHttp: redirect.port } : {}),
  };
}

/**
 * The flags of one that takes over: a socket that came from elsewhere stays what it is.
 * @param own sockets that came to itself
 * @throws FailedError where a port is to stay, and its address is not
 */
export function placed<F extends DoorFlags>(
  { places, inherited }: Pick<Older, 'places' | 'inherited'>,
  flags: F,
  own: readonly SocketName[],
): F {
  const isOwn = (name: SocketName) => own.includes(name);
  const kept = inherited.filter((name) => !isOwn(name)).map((name) => [name, places[name]]);
  const all = withPlaces(flags, Object.fromEntries(kept) as Places);
  const moved = sharedSockets(places, all).find(
    (name) => !isOwn(name) && places[name]?.host !== placesOf(all)[name]?.host,
  );
  if (moved) throw isElsewhere(moved, places[moved]?.host ?? '', placesOf(all)[moved]?.host ?? '');
  return all;
}

/** Sockets of an older door on ports that one with these flags wants, too. */
export function sharedSockets(places: Places, flags: DoorFlags): SocketName[] {
  const wanted = placesOf(flags);
  return SOCKET_NAMES.filter((name) => {
    const port = wanted[name]?.port;
    return port !== undefined && places[name]?.port === port;
  });
}

const words: Readonly<Record<SocketName, readonly [what: string, host: string, port: string]>> = {
  door: ['the door', '--host', '--port'],
  admin: ['the admin listener', '--admin-host', '--admin-port'],
  redirect: ['what sends plain HTTP on', '--host', '--redirect-http'],
};

function isElsewhere(name: SocketName, host: string, wanted: string): FailedError {
  const [what, hostFlag, portFlag] = words[name];
  const message = `${hostFlag} ${wanted}: ${what} that is to be taken over listens on ${host}`;
  const remedy = `Leave it at ${hostFlag} ${host}, or take another ${portFlag} with it`;
  return new FailedError('hand-over', message, remedy);
}
