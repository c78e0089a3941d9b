import { viaName } from '../../ids.ts';
import { SANE_ID } from '../../proxy/client/forwarded-headers.ts';
import { type RuleOptions, refusals } from './refusals.ts';
import { stickyRequestRules } from './sticky-lines.ts';
import { literal } from './words.ts';

/** What goes through each request, in this order. */
export function requestRules(options: RuleOptions): string[] {
  return [
    ...conditions(options),
    ...identity(),
    ...refusals(options),
    ...endToEnd(),
    ...forwarded(options),
    ...via(options),
    ...(options.sticky ? stickyRequestRules() : []),
  ];
}

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
    'http-request set-uri %[pathq] if { url -i -m beg http:// https:// }',
    'http-request set-header X-Request-Id %[var(txn.id)]',
    'http-request set-header Meow-Attempt %[var(txn.try)]',
  ];
}

function forwarded({ certificates }: RuleOptions): string[] {
  const scheme = certificates.length > 0 ? 'https' : 'http';
  return [
    'http-request del-header x-forwarded- -m beg unless trusted',
    'http-request add-header X-Forwarded-For %[src]',
    `http-request set-header X-Forwarded-Proto ${scheme} unless trusted { req.hdr(x-forwarded-proto) -m found }`,
    'http-request set-header X-Forwarded-Host %[req.hdr(host)] if { req.hdr(host) -m found } !{ req.hdr(x-forwarded-host) -m found }',
  ];
}

/** RFC 9110 §7.6.3: HTTP/2 is called `2` there. */
function via({ doorId, certificates }: RuleOptions): string[] {
  const add = (version: string) =>
    `http-request add-header Via ${literal(`${version} ${viaName(doorId)}`)}`;
  if (certificates.length === 0) return [add('%[req.ver]')];
  return [`${add('2')} if { req.ver 2.0 }`, `${add('%[req.ver]')} unless { req.ver 2.0 }`];
}
