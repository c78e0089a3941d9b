import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Background } from '../loop.ts';
import type { CertificateEnd } from '../model/door-record.ts';
import type { Connection } from './client/connection.ts';
import type { DoorContext } from './exchange/context.ts';
import { httpOptions } from './http-server.ts';
import { createHttp2, type Http2 } from './http2/http2-server.ts';
import type { CertificateFiles } from './tls/certificate.ts';
import { Certificates } from './tls/certificates.ts';
import { createTlsServer } from './tls/tls-server.ts';

/** What a listener needs to let clients in. */
export interface Front {
  readonly server: Server;
  /** The event of a connection that is ready for HTTP. */
  readonly opened: 'connection' | 'secureConnection';
  /** Connections that end only if they are told to. */
  goAway(): void;
  /** Looks for clients that take nothing of their answers any more. */
  look(nowMs: number): void;
  stop(): void;
}

/** Clients that come over TLS. Loaded for a door that has certificates, and no other. */
export interface SecureSide {
  /** The value of Strict-Transport-Security; null for none. */
  readonly hsts: string | null;
  front(context: DoorContext, connectionOf: (socket: Socket) => Connection): Front;
  certificates(): readonly CertificateEnd[];
}

export interface SecureOptions {
  readonly certificates: readonly CertificateFiles[];
  readonly hstsSeconds: number | null;
}

/** @throws FailedError `certificate` where one cannot be used */
export function createSecureSide(
  { certificates: files, hstsSeconds }: SecureOptions,
  log: (line: string) => void,
): SecureSide {
  const certificates = new Certificates(files, log);
  return {
    hsts: hstsSeconds === null ? null : `max-age=${hstsSeconds}`,
    certificates: () => certificates.all.map(({ name, endsAt }) => ({ name, endsAt })),
    front: (context, connectionOf) =>
      createFront(certificates, context, createHttp2({ context, connectionOf, log })),
  };
}

function createFront(certificates: Certificates, { options }: DoorContext, http2: Http2): Front {
  const http = httpOptions(options);
  const handshakeMs = options.clientHeaderMs;
  const server = createTlsServer(http, handshakeMs, certificates, http2.take);
  const watch: Background = certificates.watch();
  return {
    server,
    opened: 'secureConnection',
    goAway: http2.goAway,
    look: http2.look,
    stop: () => void watch.stop(),
  };
}
