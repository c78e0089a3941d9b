import { Server as NetServer, type Server } from 'node:net';
import { httpsUrl, httpUrl } from '../../address.ts';
import { listen, type OpenSocket } from '../../listen.ts';
import { nameHolder } from '../../process/port-holder.ts';
import type { DoorOptions } from '../../proxy/options.ts';
import type { SecureSide } from '../../proxy/secure-side.ts';
import { until } from '../../time/until.ts';
import { certificateFiles, type TlsFlags } from '../flags/tls-flags.ts';
import { type AdminFlags, adminAddress } from './open-admin.ts';

interface Flags extends TlsFlags {
  readonly host: string;
  readonly port: number;
}

/** Where plain HTTP is sent on to https. */
export interface Redirect {
  readonly url: string;
  /** What listens; it may be handed over. */
  readonly socket: Server;
  /**
   * Accepts nothing more; whoever has a connection gets an answer.
   * @param withinMs after that they are cut
   */
  close(withinMs?: number): Promise<void>;
}

/** What a request that is on the wire may take. */
const FRESH_MS = 250;
const LOOK_MS = 20;

/** Where this process listens besides the door. */
export function alsoOurs(flags: Flags & AdminFlags) {
  const { host, redirectHttp: port } = flags;
  const redirect = port === undefined ? [] : [{ host, port }];
  return flags.admin ? [adminAddress(flags), ...redirect] : redirect;
}

/** Where the door is for its clients. */
export function doorUrl(flags: Flags): string {
  const urlAt = certificateFiles(flags).length > 0 ? httpsUrl : httpUrl;
  return urlAt(flags.host, flags.port);
}

/**
 * What a door needs for TLS; null where it has no certificate.
 * @throws FailedError `certificate` where one cannot be used
 */
export async function secureSide(
  flags: Flags,
  log: (line: string) => void,
): Promise<SecureSide | null> {
  const certificates = certificateFiles(flags);
  if (certificates.length === 0) return null;
  const { createSecureSide } = await import('../../proxy/secure-side.ts');
  return createSecureSide({ certificates, hstsSeconds: flags.hsts ?? null }, log);
}

/** @throws FailedError where its port cannot be had */
export async function openRedirect(
  { host, port, redirectHttp }: Flags,
  options: DoorOptions,
  open: OpenSocket | undefined,
): Promise<Redirect | null> {
  if (redirectHttp === undefined) return null;
  const { createRedirect } = await import('../../proxy/redirect.ts');
  const server = createRedirect(options, port);
  try {
    await listen(server, { host, port: redirectHttp, open }, '');
  } catch (error) {
    throw await nameHolder(error, redirectHttp, 'Choose another with --redirect-http');
  }
  return {
    url: httpUrl(host, redirectHttp),
    socket: server,
    async close(withinMs = FRESH_MS) {
      let isEmpty = false;
      server.once('close', () => {
        isEmpty = true;
      });
      // http's own would end those whose request is on its way.
      NetServer.prototype.close.call(server);
      await until(() => isEmpty, { everyMs: LOOK_MS, withinMs });
      server.closeAllConnections();
    },
  };
}
