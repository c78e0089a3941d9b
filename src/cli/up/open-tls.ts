import { httpsUrl, httpUrl } from '../../address.ts';
import { listen } from '../../listen.ts';
import { nameHolder } from '../../process/port-holder.ts';
import type { DoorOptions } from '../../proxy/options.ts';
import type { SecureSide } from '../../proxy/secure-side.ts';
import { certificateFiles, type TlsFlags } from '../flags/tls-flags.ts';

interface Flags extends TlsFlags {
  readonly host: string;
  readonly port: number;
}

/** Where plain HTTP is sent on to https. */
export interface Redirect {
  readonly url: string;
  close(): void;
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
): Promise<Redirect | null> {
  if (redirectHttp === undefined) return null;
  const { createRedirect } = await import('../../proxy/redirect.ts');
  const server = createRedirect(options, port);
  try {
    await listen(server, { host, port: redirectHttp }, '');
  } catch (error) {
    throw await nameHolder(error, redirectHttp, 'Choose another with --redirect-http');
  }
  return {
    url: httpUrl(host, redirectHttp),
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
