import { DOOR_NAME, viaName } from '../../ids.ts';
import { SANE_ID } from '../../proxy/client/forwarded-headers.ts';
import { ALLOW, answerRules, noServers } from './own-answers.ts';
import { literal } from './words.ts';

export interface RuleOptions {
  readonly doorId: string;
  readonly maxHeaderLines: number;
  readonly trustProxy: readonly string[];
}

/** The name of the backend. */
export const BACKEND = 'servers';

/** What goes through each request, in this order. */
export function requestRules(options: RuleOptions): string[] {
  return [
    ...conditions(options),
    ...identity(),
    ...refusals(options),
    ...endToEnd(),
    ...forwarded(),
    `http-request add-header Via ${literal(`%[req.ver] ${viaName(options.doorId)}`)}`,
  ];
}

const HOST = '^(\\[[0-9a-fA-F:.]{2,45}\\]|[A-Za-z0-9._~!$&()*+;=%-]{1,255})(:[0-9]{0,5})?$';
/** Names that CGI and its successors read as one of ours. RFC 3875 §4.1.18. */
const TWINS = `^(${[
  'x[^a-z0-9-]forwarded[^a-z0-9].*',
  'x-forwarded[^a-z0-9-].*',
  'x[^a-z0-9-]request[^a-z0-9]id',
  'x-request[^a-z0-9-]id',
  'proxy[^a-z0-9-].*',
  ...['meow[^a-z0-9-]attempt', 'content[^a-z0-9-]length', 'transfer[^a-z0-9-]encoding'],
].join('|')})$`;

function conditions({ trustProxy }: RuleOptions): string[] {
  return [
    'acl wants_json req.hdr(accept) -m sub application/json',
    ...(trustProxy.length > 0
      ? [`acl trusted src ${trustProxy.join(' ')}`]
      : ['acl trusted always_false']),
  ];
}

/** One token for all tries of a request; what it is called by is the client's word, where that is sane. */
function identity(): string[] {
  return [
    'http-request set-var(txn.try) uuid()',
    `http-request set-var(txn.id) req.fhdr(x-request-id) if { req.fhdr(x-request-id) -m reg ${literal(SANE_ID.source)} }`,
    'http-request set-var(txn.id) var(txn.try) unless { var(txn.id) -m found }',
  ];
}

function refusals({ maxHeaderLines }: RuleOptions): string[] {
  const bad = (text: string, condition: string) => answerRules({ status: 400, text }, condition);
  return [
    ...answerRules(
      { status: 405, text: 'TRACE is not passed on', line: ALLOW },
      '{ method TRACE }',
    ),
    ...answerRules(
      { status: 405, text: 'CONNECT is not passed on', line: ALLOW },
      '{ method CONNECT }',
    ),
    ...answerRules(
      { status: 431, text: `more than ${maxHeaderLines} header lines` },
      `{ req.fhdr_cnt() gt ${maxHeaderLines} }`,
    ),
    ...bad('a request has one Host', '{ req.fhdr_cnt(host) gt 1 }'),
    ...bad('a request has one Host', '!{ req.ver 1.0 } { req.fhdr_cnt(host) eq 0 }'),
    ...bad(
      'the Host is not a host',
      `{ req.fhdr_cnt(host) eq 1 } !{ req.fhdr(host) -m reg ${literal(HOST)} }`,
    ),
    ...bad(
      'Transfer-Encoding is not of this version of HTTP',
      '{ req.ver 1.0 } { req.fhdr(transfer-encoding) -m found }',
    ),
    ...answerRules({ status: 505, text: 'HTTP version not supported' }, '!{ req.ver 1.0 1.1 }'),
    ...answerRules(
      { status: 508, text: 'this request has been through a door already' },
      `{ req.fhdr(via) -m reg ${literal(DOOR_NAME.source)} }`,
    ),
    ...answerRules({ status: 204, text: '', line: ALLOW }, "METH_OPTIONS { url -m str '*' }"),
    ...answerRules(
      { status: 417, text: 'only 100-continue can be expected' },
      '{ req.fhdr(expect) -m found } !{ req.fhdr(expect) -i 100-continue }',
    ),
    // A worker that leaves counts none of its servers, and still has requests of its kept connections.
    ...answerRules(noServers, `{ nbsrv(${BACKEND}) eq 0 } !{ stopping }`),
  ];
}

// RFC 9110 §7.6.1. `Connection` itself is HAProxy's.
function endToEnd(): string[] {
  return [
    `http-request del-header ${literal(TWINS)} -m reg`,
    ...['forwarded', 'proxy', 'te', 'trailer', 'keep-alive', 'http2-settings'].map(
      (name) => `http-request del-header ${name}`,
    ),
    'http-request del-header proxy- -m beg',
    'http-request del-header upgrade unless { req.hdr(upgrade) -i websocket }',
    'http-request del-header connection unless { req.hdr(upgrade) -m found }',
    'http-request set-uri %[pathq] if { url -i -m beg http:// }',
    'http-request set-header X-Request-Id %[var(txn.id)]',
    'http-request set-header Meow-Attempt %[var(txn.try)]',
  ];
}

function forwarded(): string[] {
  return [
    'http-request del-header x-forwarded- -m beg unless trusted',
    'http-request add-header X-Forwarded-For %[src]',
    'http-request set-header X-Forwarded-Proto http unless trusted { req.hdr(x-forwarded-proto) -m found }',
    'http-request set-header X-Forwarded-Host %[req.hdr(host)] if { req.hdr(host) -m found } !{ req.hdr(x-forwarded-host) -m found }',
  ];
}
