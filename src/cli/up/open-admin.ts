import { dirname, join } from 'node:path';
import { httpUrl, reachable } from '../../address.ts';
import type { Admin, Watched } from '../../admin/admin.ts';
import { defaults } from '../../defaults.ts';
import { FailedError } from '../../errors.ts';
import type { OpenSocket } from '../../listen.ts';
import type { Place } from '../../model/place.ts';
import { isOfHost, type ThisProcess } from '../../process/identity.ts';
import { nameHolder } from '../../process/port-holder.ts';
import { ensureAdminToken } from '../../state/admin-token.ts';
import type { Context, OpenStore } from '../context/context.ts';
import { doorLimits } from '../flags/door-flags.ts';
import { fleetVerbs } from './fleet-verbs.ts';

export interface AdminFlags extends Readonly<Record<string, unknown>> {
  /** False with --no-admin. */
  readonly admin: boolean;
  readonly adminHost: string;
  readonly adminPort: number;
  readonly adminAllowHost?: string[];
}

export interface ShownDoor {
  readonly door: Watched['door'];
  readonly open: OpenStore;
  readonly machine: ThisProcess;
  readonly url: string;
}

/** The door's admin listener, listening. */
export async function openAdmin(
  context: Context,
  shown: ShownDoor,
  flags: AdminFlags,
  open?: OpenSocket,
): Promise<Admin> {
  const { adminPort } = flags;
  const { createAdmin } = await import('../../admin/admin.ts');
  const admin = createAdmin(watched(context, shown), {
    ...{ ...defaults, ...doorLimits(flags) },
    ...adminAddress(flags),
    open,
    allowHosts: flags.adminAllowHost ?? [],
    token: tokenOf(context),
    pageFolder: join(dirname(context.cliPath), '..', 'dist', 'page'),
  });
  try {
    await admin.listen();
  } catch (error) {
    throw await nameHolder(error, adminPort, 'Choose another with --admin-port, or --no-admin');
  }
  return admin;
}

export function adminAddress({ adminHost, adminPort }: AdminFlags) {
  return { host: adminHost, port: adminPort };
}

/** Where the admin listener is asked on its own machine; null for nowhere. */
export function adminUrl({ admin, adminHost, adminPort }: AdminFlags) {
  return admin ? httpUrl(reachable(adminHost), adminPort) : null;
}

export function adminIn(flags: AdminFlags) {
  const admin = adminUrl(flags);
  return admin === null ? {} : { admin };
}

function watched(context: Context, { door, open, machine, url }: ShownDoor): Watched {
  const { host, pid } = machine;
  const about = { id: door.id, url, host, pid, startedAt: Date.now(), version: context.version };
  return {
    door,
    about,
    store: open.store,
    verbs: fleetVerbs(context, open, 'page'),
    isHere: (place: Place) => isOfHost(place, machine),
    log: (line) => context.output.talk(`meowctl: ${line}`),
  };
}

/** Null where the state folder takes none: the door opens all the same, and only shows. */
function tokenOf({ config, output }: Context): string | null {
  try {
    return ensureAdminToken(config.home);
  } catch (error) {
    if (!(error instanceof FailedError)) throw error;
    output.talk(`meowctl: the admin listener changes nothing: ${error.message}`);
    return null;
  }
}
