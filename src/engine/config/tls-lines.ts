import { CIPHERS } from '../../proxy/tls/certificate.ts';
import type { EngineOptions } from './engine-options.ts';
import { answerRules } from './own-answers.ts';
import { HOST } from './refusals.ts';
import { literal, socketAddress } from './words.ts';

type TlsOptions = Pick<
  EngineOptions,
  'host' | 'port' | 'certificates' | 'redirectPort' | 'hstsSeconds'
>;

const USUAL_PORT = 443;

/** The file in which HAProxy reads a certificate, with its chain and its key. */
export function bundleName(at: number): string {
  return `certificate-${at}.pem`;
}

/** Where the door listens, and how it speaks TLS there: as the embedded door does. */
export function bindLine({ host, port, certificates }: TlsOptions): string {
  const address = `bind ${socketAddress(host, port)}`;
  if (certificates.length === 0) return address;
  return [
    `${address} ssl`,
    ...certificates.map((_, at) => `crt ${bundleName(at)}`),
    'alpn h2,http/1.1 ssl-min-ver TLSv1.2',
    `ciphersuites ${CIPHERS.tls13.join(':')}`,
    `ciphers ${CIPHERS.tls12.join(':')}`,
  ].join(' ');
}

/** Said with every answer, HAProxy's own too. */
export function hstsLines({ hstsSeconds }: TlsOptions): string[] {
  if (hstsSeconds === null) return [];
  return [`http-after-response set-header Strict-Transport-Security max-age=${hstsSeconds}`];
}

/** Sends whoever comes over plain HTTP to the same place over https. The method stays what it was: RFC 9110 §15.4.9. */
export function redirectLines({ host, port, redirectPort }: TlsOptions): string[] {
  if (redirectPort === null) return [];
  const place = `%[var(txn.host)]${port === USUAL_PORT ? '' : `:${port}`}`;
  const to = (path: string) => `http-request return status 308 hdr Location ${literal(path)}`;
  const bad = { status: 400, text: 'the request makes no sense' };
  return [
    `bind ${socketAddress(host, redirectPort)}`,
    'option disable-h2-upgrade',
    'option httpclose',
    ...['http-request set-var(txn.id) uuid()', 'acl wants_json always_false'],
    ...answerRules(bad, `!{ req.fhdr_cnt(host) eq 1 }`),
    ...answerRules(bad, `!{ req.fhdr(host) -m reg ${literal(HOST)} }`),
    // Without its port: that is of plain HTTP.
    `http-request replace-header Host ${literal('^(\\[[^]]*\\]|[^:]*)(:[0-9]*)?$')} ${literal('\\1')}`,
    'http-request set-var(txn.host) req.hdr(host)',
    `${to(`https://${place}/`)} if { url -m str '*' }`,
    // What cannot stand in a line of the answer is not sent on.
    ...answerRules(bad, `!{ pathq -m reg ${literal('^/[!-~]*$')} }`),
    to(`https://${place}%[pathq]`),
  ];
}
