import { HEALTH_PATH } from '../../health/endpoint.ts';
import { viaName } from '../../ids.ts';
import { type EnginePlaces, section } from './door-config.ts';
import type { EngineOptions } from './engine-options.ts';
import { BACKEND } from './refusals.ts';
import { stickyServerRules } from './sticky-lines.ts';
import { literal, ms, quoted, socketAddress } from './words.ts';

/** A server as HAProxy is told of it. */
export interface EngineServer {
  readonly id: string;
  /** An address without brackets. */
  readonly host: string;
  readonly port: number;
  /** Where it answers for its health. */
  readonly page: string;
}

/** Requests may not wait for a server that is full: HAProxy has no shorter word for that. */
const QUEUE_MS = 1;
/** Idle connections to servers are closed by HAProxy, well before servers do it after 75 s. */
const PURGE_MS = 1_500;

/** The second file: the backend, with the servers that get requests now. */
export function backendConfig(
  doorId: string,
  servers: readonly EngineServer[],
  options: EngineOptions,
  places: EnginePlaces,
): string {
  return [
    '# Written by meowctl at each change: with this HAProxy begins when it is started again.',
    ...section(`backend ${BACKEND}`, [
      `balance ${options.balance === 'least-inflight' ? 'leastconn' : 'roundrobin'}`,
      ...repeats(options),
      ...streams(options),
      'http-response set-header X-Served-By %[srv_name]',
      'http-response del-header keep-alive',
      `timeout queue ${ms(QUEUE_MS)}`,
      ...checks(doorId, options, places),
      ...(options.sticky ? stickyServerRules() : []),
      ...servers.map((server) => `server ${serverLine(server, options)}`),
    ]),
    '',
  ].join('\n');
}

/** The same words in the file and over the runtime socket: no settings of others are inherited there. */
export function serverLine({ id, host, port }: EngineServer, options: EngineOptions): string {
  const { probeMs, probeFailuresToEject: fall, probesToReadmit: rise, maxInflight } = options;
  return [
    `${id} ${socketAddress(host, port)}`,
    `check inter ${ms(probeMs)} fall ${fall} rise ${rise}`,
    'observe layer4 error-limit 1 on-error mark-down',
    `maxconn ${maxInflight}`,
    `pool-purge-delay ${ms(PURGE_MS)}`,
  ].join(' ');
}

/** The file of health pages that are not the usual one. */
export function pagesFile(servers: readonly EngineServer[]): string {
  const others = servers.filter(({ page }) => page !== HEALTH_PATH);
  return others.map(({ id, page }) => `${id} ${page}\n`).join('');
}

// A connection that was never made is tried again for any method, whatever the rule says.
function repeats({ retries, retry }: EngineOptions): string[] {
  const tries = [`retries ${retries}`, 'option redispatch 1'];
  if (retry === 'connect') return [...tries, 'retry-on conn-failure'];
  return [
    ...tries,
    'retry-on conn-failure empty-response',
    'acl has_body req.fhdr(transfer-encoding) -m found',
    'acl has_body req.hdr_val(content-length) gt 0',
    'http-request disable-l7-retry if has_body or !{ method GET HEAD OPTIONS PUT DELETE }',
  ];
}

// What the answer will be is not known yet; an EventSource says what it wants.
function streams({ streamIdleMs }: EngineOptions): string[] {
  return [
    `http-request set-timeout server ${ms(streamIdleMs)} if { req.hdr(accept) -m sub text/event-stream }`,
  ];
}

/** Whoever answers at a server's address has to say that server's id: its name here. */
function checks(doorId: string, options: EngineOptions, { pages }: EnginePlaces): string[] {
  const path = `%[srv_name,map(${pages},${HEALTH_PATH})]`;
  return [
    'option httpchk',
    `http-check send meth GET uri-lf ${literal(path)} ver HTTP/1.1 hdr Host localhost hdr Via ${quoted(`1.1 ${viaName(doorId)}`)}`,
    'http-check expect status 200',
    `http-check expect string-lf ${literal('"id":"%[srv_name]"')}`,
    `timeout check ${ms(options.probeTimeoutMs)}`,
  ];
}
