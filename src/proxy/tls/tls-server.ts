import type { Server, ServerOptions } from 'node:http';
import { createServer } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { TLS_RULES } from './certificate.ts';
import type { CertificateSet } from './certificate-set.ts';

const HTTP2 = 'h2';
const HTTP1 = 'http/1.1';
/** Sessions are of this kind of server, whatever its command line, which is what node takes. */
const SESSIONS = 'meowctl door';

/**
 * A server of HTTP/1 over TLS that hands on each connection whose client chose HTTP/2.
 * @param http how it speaks HTTP/1
 * @param handshakeTimeout ms
 * @param ticketKeys 48 bytes: a client may go on with its session at every server that has the same
 */
export function createTlsServer(
  http: ServerOptions,
  handshakeTimeout: number,
  certificates: CertificateSet,
  ticketKeys: Buffer,
  takeHttp2: (socket: TLSSocket) => void,
): Server {
  const { pem } = certificates.first;
  const server = createServer({
    ...http,
    ...TLS_RULES,
    ...pem,
    handshakeTimeout,
    ticketKeys,
    sessionIdContext: SESSIONS,
    ALPNProtocols: [HTTP2, HTTP1],
    SNICallback: (host, use) => use(null, certificates.for(host)),
  });
  server.maxHeadersCount = 0;
  certificates.onFirst = ({ pem: next }) =>
    server.setSecureContext({ ...TLS_RULES, ...next, ticketKeys, sessionIdContext: SESSIONS });
  const listeners = server.listeners('secureConnection');
  server.removeAllListeners('secureConnection').removeAllListeners('tlsClientError');
  server.on('secureConnection', (socket) => {
    if (socket.alpnProtocol === HTTP2) takeHttp2(socket);
    else for (const takeHttp1 of listeners) takeHttp1.call(server, socket);
  });
  // Whoever speaks no TLS understands no answer.
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  return server;
}
