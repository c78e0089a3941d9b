import { randomBytes } from 'node:crypto';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Background } from '../loop.ts';
import type { CertificateEnd } from '../model/door-record.ts';
import type { Connection } from './client/connection.ts';
import type { DoorContext } from './exchange/context.ts';
import { httpOptions } from './http-server.ts';
import { createHttp2, type Http2 } from './http2/http2-server.ts';
import { type CertificateFiles, certificateOf, type GivenCertificate } from './tls/certificate.ts';
import { CertificateSet } from './tls/certificate-set.ts';
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
  /** All that it takes to show the same from another process. */
  given(): GivenSide;
  /** Looks at the files; `front` does so itself. @param changed is told all when one was read again */
  watch(changed: (all: GivenSide['certificates']) => void): Background;
}

/** What workers of a door are told: they read no files. */
export interface GivenSide {
  readonly certificates: readonly GivenCertificate[];
  readonly hstsSeconds: number | null;
  /** As base64: a client goes on with its session at any worker. */
  readonly ticketKeys: string;
}

/** The side of a worker. */
export interface WorkerSide extends Pick<SecureSide, 'hsts' | 'front'> {
  replace(certificates: readonly GivenCertificate[]): void;
}

export interface SecureOptions {
  readonly certificates: readonly CertificateFiles[];
  readonly hstsSeconds: number | null;
}

/** RFC 5077 says how they are used; node takes so many. */
const TICKET_KEY_BYTES = 48;

/** @throws FailedError `certificate` where one cannot be used */
export function createSecureSide(
  { certificates: files, hstsSeconds }: SecureOptions,
  log: (line: string) => void,
): SecureSide {
  const certificates = new Certificates(files, log);
  const ticketKeys = randomBytes(TICKET_KEY_BYTES);
  return {
    hsts: hstsOf(hstsSeconds),
    certificates: () => certificates.all.map(({ name, endsAt }) => ({ name, endsAt })),
    given: () => ({
      certificates: given(certificates),
      hstsSeconds,
      ticketKeys: ticketKeys.toString('base64'),
    }),
    watch(changed) {
      certificates.onChange = () => changed(given(certificates));
      return certificates.watch();
    },
    front(context, connectionOf) {
      const http2 = createHttp2({ context, connectionOf, log });
      const watch = certificates.watch();
      const stop = () => void watch.stop();
      return createFront(certificates, ticketKeys, context, http2, stop);
    },
  };
}

/** @throws FailedError `certificate` where one cannot be used */
export function createWorkerSide(given: GivenSide, log: (line: string) => void): WorkerSide {
  const certificates = new CertificateSet(given.certificates.map(certificateOf));
  const ticketKeys = Buffer.from(given.ticketKeys, 'base64');
  return {
    hsts: hstsOf(given.hstsSeconds),
    replace: (others) => certificates.replace(others.map(certificateOf)),
    front(context, connectionOf) {
      const http2 = createHttp2({ context, connectionOf, log });
      return createFront(certificates, ticketKeys, context, http2, () => {});
    },
  };
}

function createFront(
  certificates: CertificateSet,
  ticketKeys: Buffer,
  { options }: DoorContext,
  http2: Http2,
  stop: () => void,
): Front {
  const http = httpOptions(options);
  const { take, goAway, look } = http2;
  const handshakeMs = options.clientHeaderMs;
  const server = createTlsServer(http, handshakeMs, certificates, ticketKeys, take);
  return { server, opened: 'secureConnection', goAway, look, stop };
}

function given({ all }: CertificateSet): GivenSide['certificates'] {
  return all.map(({ files, pem }) => ({ files, pem }));
}

function hstsOf(seconds: number | null): string | null {
  return seconds === null ? null : `max-age=${seconds}`;
}
