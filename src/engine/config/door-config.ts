import type { EngineOptions } from './engine-options.ts';
import { logLines, RING, ringLines } from './log-lines.ts';
import { failureLines } from './own-answers.ts';
import { BACKEND } from './refusals.ts';
import { requestRules } from './request-rules.ts';
import { bindLine, hstsLines, redirectLines } from './tls-lines.ts';
import { literal, ms } from './words.ts';

/** Where HAProxy finds what it needs, and is found. */
export interface EnginePlaces {
  /** Its runtime socket. */
  readonly socket: string;
  /** Health pages that are not the usual one, by server. */
  readonly pages: string;
}

/** The name of the frontend. */
export const FRONTEND = 'door';

/** The request line counts as one. */
const FIRST_LINE = 1;
/** A frame of HTTP/2 has to fit in: RFC 9113 §4.2. */
const FRAME_BYTES = 16_384;
/** HAProxy keeps this free in its buffer for the lines that rules add. */
const REWRITE_BYTES = 1_024;
/** Beyond `maxHeaderLines` up to this it is our rule that says 431; HAProxy itself says 400. */
const SPARE_LINES = 28;

/** The first file: what does not change while HAProxy runs. */
export function doorConfig(doorId: string, options: EngineOptions, places: EnginePlaces): string {
  return [
    '# Written by meowctl: whatever is changed here is lost at the next start.',
    ...section('global', globalLines(options, places)),
    ...section(`ring ${RING}`, ringLines()),
    ...section('defaults', defaultLines(options)),
    ...section(`frontend ${FRONTEND}`, [
      bindLine(options),
      ...logLines(options),
      'option idle-close-on-response',
      // Else whoever begins in the words of HTTP/2 gets it.
      'option disable-h2-upgrade',
      ...requestRules({ ...options, doorId }),
      ...hstsLines(options),
      `default_backend ${BACKEND}`,
    ]),
    ...redirect(options),
    '',
  ].join('\n');
}

function redirect(options: EngineOptions): string[] {
  const lines = redirectLines(options);
  return lines.length > 0 ? section('frontend redirect', lines) : [];
}

function globalLines(options: EngineOptions, { socket }: EnginePlaces): string[] {
  return [
    'master-worker',
    `nbthread ${options.threads}`,
    `stats socket ${literal(socket)} mode 600 level admin`,
    'stats timeout 1d',
    `hard-stop-after ${ms(options.drainMs)}`,
    `tune.bufsize ${bufferBytes(options) + REWRITE_BYTES}`,
    `tune.maxrewrite ${REWRITE_BYTES}`,
    `tune.http.maxhdr ${options.maxHeaderLines + FIRST_LINE + SPARE_LINES}`,
  ];
}

function bufferBytes({ maxHeaderBytes, certificates }: EngineOptions): number {
  return certificates.length > 0 ? Math.max(maxHeaderBytes, FRAME_BYTES) : maxHeaderBytes;
}

function defaultLines(options: EngineOptions): string[] {
  return [
    'mode http',
    `timeout connect ${ms(options.doorConnectMs)}`,
    `timeout client ${ms(options.bodyIdleMs)}`,
    `timeout server ${ms(options.responseHeaderMs)}`,
    `timeout tunnel ${ms(options.streamIdleMs)}`,
    `timeout http-request ${ms(options.clientHeaderMs)}`,
    `timeout http-keep-alive ${ms(options.clientKeepAliveMs)}`,
    // Else it does not look for clients that leave while they wait.
    'option abortonclose',
    ...failureLines(),
  ];
}

export function section(name: string, lines: readonly string[]): string[] {
  return ['', name, ...lines.map((line) => `    ${line}`)];
}
