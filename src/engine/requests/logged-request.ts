import { isServerId } from '../../ids.ts';

/** A request as HAProxy tells of it when it is over. */
export interface LoggedRequest {
  /** Of this line alone, of all that HAProxy ever says. */
  readonly key: string;
  /** When it came, Unix ms. */
  readonly at: number;
  readonly durationMs: number;
  /** What the client got; null where it got no answer. */
  readonly status: number | null;
  /** Whose doing its end was, and in which phase: two letters, `--` for none. HAProxy's manual, 8.5. */
  readonly end: string;
  /** How often it was tried again. */
  readonly retries: number;
  /** The last one that was asked; null for none. */
  readonly server: string | null;
  /** The token of all its tries; null where its head made no sense. */
  readonly attempt: string | null;
  /** As its server was told in `X-Request-Id`. */
  readonly id: string;
  readonly method: string;
  /** Cut after some 1,000 characters. */
  readonly path: string;
}

/** As `config/log-lines.ts` wants it; the last two are as a client wrote them, escaped. */
const LINE =
  /^(\d+ \d+ (\d{13,16})) (-?\d+) (-?\d+) \+?(-?\d+) (-?\d+) ([A-Za-z-]{2}) \+?(\d+) (\S+) (\S+) (\S+) (\S+) (.*)$/;
const ATTEMPT = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const UNREAD = '<BADREQ>';
/** Over HTTP/2 HAProxy writes the target with its host. */
const AUTHORITY = /^https?:\/\/[^/?]*/i;

/** @returns null for a line that is no request, or is torn */
export function parseLogged(line: string): LoggedRequest | null {
  const found = LINE.exec(line);
  if (!found) return null;
  const [, key = '', cameMs, handshakeMs, idleMs, activeMs, status, end = '--', retries] = found;
  const [server = '', attempt = '', id = '', method = '', target = ''] = found.slice(9);
  return {
    key,
    at: Number(cameMs) + positive(handshakeMs) + positive(idleMs),
    durationMs: positive(activeMs),
    status: Number(status) > 0 ? Number(status) : null,
    end,
    retries: Number(retries),
    server: isServerId(server) ? server : null,
    attempt: ATTEMPT.test(attempt) ? attempt : null,
    id,
    ...(method === UNREAD ? { method: '-', path: '-' } : { method, path: pathIn(target) }),
  };
}

/** HAProxy writes -1 for what never came to pass. */
function positive(text: string | undefined): number {
  return Math.max(0, Number(text));
}

function pathIn(target: string): string {
  const path = unescaped(target).replace(AUTHORITY, '');
  return path === '' || path.startsWith('?') ? `/${path}` : path;
}

function unescaped(text: string): string {
  return text.replace(/#([0-9A-F]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
