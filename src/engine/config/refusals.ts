import { DOOR_NAME } from '../../ids.ts';
import { ALLOW, answerRules, noServers } from './own-answers.ts';
import { literal } from './words.ts';

export interface RuleOptions {
  readonly doorId: string;
  readonly maxHeaderLines: number;
  readonly maxHeaderBytes: number;
  readonly trustProxy: readonly string[];
  readonly sticky: boolean;
  /** With any, clients come over TLS, and speak HTTP/2 too. */
  readonly certificates: readonly unknown[];
}

/** The name of the backend. */
export const BACKEND = 'servers';

const PORT = '6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[0-5][0-9]{4}|[0-9]{0,4}';
/** An address or a name, with or without a port. */
export const HOST = `^(\\[[0-9a-fA-F:.]{2,45}\\]|[A-Za-z0-9._~!$&()*+;=%-]{1,255})(:(${PORT}))?$`;
/** RFC 9110 §5.5: none of these stands in a value. HAProxy lets them through, all but a line's end. */
const CONTROLS = '[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f]';

const bad = (text: string, condition: string) => answerRules({ status: 400, text }, condition);

/** What no server should have to understand, in this order. */
export function refusals(options: RuleOptions): string[] {
  return [
    ...methods(),
    ...sizes(options),
    ...hosts(),
    ...versions(options),
    ...answerRules(
      { status: 508, text: 'this request has been through a door already' },
      `{ req.fhdr(via) -m reg ${literal(DOOR_NAME.source)} }`,
    ),
    ...answerRules({ status: 204, text: '', line: ALLOW }, "METH_OPTIONS { url -m str '*' }"),
    ...targets(),
    ...answerRules(
      { status: 417, text: 'only 100-continue can be expected' },
      '{ req.fhdr(expect) -m found } !{ req.fhdr(expect) -i 100-continue }',
    ),
    // A worker that leaves counts none of its servers, and still has requests of its kept connections.
    ...answerRules(noServers, `{ nbsrv(${BACKEND}) eq 0 } !{ stopping }`),
  ];
}

function methods(): string[] {
  return ['TRACE', 'CONNECT'].flatMap((method) =>
    answerRules(
      { status: 405, text: `${method} is not passed on`, line: ALLOW },
      `{ method ${method} }`,
    ),
  );
}

function sizes({ maxHeaderLines, maxHeaderBytes, certificates }: RuleOptions): string[] {
  const lines = { status: 431, text: `more than ${maxHeaderLines} header lines` };
  const bytes = { status: 431, text: `the head is over ${maxHeaderBytes} bytes` };
  return [
    ...answerRules(lines, `{ req.fhdr_cnt() gt ${maxHeaderLines} }`),
    // Where HTTP/2 is spoken the buffer may have room for more.
    ...(certificates.length > 0
      ? answerRules(bytes, `{ req.hdrs,length gt ${maxHeaderBytes} }`)
      : []),
    ...bad('a header line holds a control character', `{ req.hdrs -m reg ${literal(CONTROLS)} }`),
  ];
}

function hosts(): string[] {
  return [
    ...bad('a request has one Host', '{ req.fhdr_cnt(host) gt 1 }'),
    ...bad('a request has one Host', '!{ req.ver 1.0 } { req.fhdr_cnt(host) eq 0 }'),
    ...bad(
      'the Host is not a host',
      `{ req.fhdr_cnt(host) eq 1 } !{ req.fhdr(host) -m reg ${literal(HOST)} }`,
    ),
  ];
}

function versions({ certificates }: RuleOptions): string[] {
  const known = certificates.length > 0 ? '1.0 1.1 2.0' : '1.0 1.1';
  return [
    ...bad(
      'Transfer-Encoding is not of this version of HTTP',
      '{ req.ver 1.0 } { req.fhdr(transfer-encoding) -m found }',
    ),
    ...answerRules({ status: 505, text: 'HTTP version not supported' }, `!{ req.ver ${known} }`),
  ];
}

function targets(): string[] {
  return [
    ...bad('the target is not a path', '!{ url -i -m beg / http:// https:// }'),
    ...bad('the target is not a path', '!{ path -m beg / }'),
  ];
}
