import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Provenance } from '../client/forwarded-headers.ts';
import type { RequestHead } from '../client/request-head.ts';

/** What a request says of the server that its client sticks to. */
export interface Affinity {
  /** Null where it sticks to none. */
  readonly server: string | null;
  /** Its client came over TLS: the cookie may go no other way. */
  readonly secure: boolean;
}

/** Of the cookie. */
export const STICKY_NAME = 'meow';
/** What else is said of it, and what is added where its client comes over TLS. */
export const STICKY_SCOPE = 'Path=/; HttpOnly; SameSite=Lax';
export const STICKY_SECURE = '; Secure';
const VALUE = /^([a-z2-9]{6})\.([A-Za-z0-9_-]{22})$/;
const MAC_BYTES = 16;
const MAX_KNOWN = 1_000;

/**
 * The cookie that keeps a client with its server: the server's id, signed, so that nobody can choose
 * one that was not given to him. Never seen by a server.
 */
export class Sticky {
  readonly namespace: string;
  readonly #cookies = new Map<string, string>();
  #key = '';

  /** @param namespace what is signed for one fleet is nothing to another */
  constructor(namespace: string) {
    this.namespace = namespace;
  }

  /** The key in use; empty before there is one. */
  get key(): string {
    return this.#key;
  }

  use(key: string): void {
    this.#key = key;
    this.#cookies.clear();
  }

  /** What a client brings that sticks to a server. */
  value(id: string): string {
    return `${id}.${this.#mac(id)}`;
  }

  /** Takes the cookie out of a head. */
  take(head: RequestHead, from: Pick<Provenance, 'trusted' | 'secure'>): Affinity {
    const told = from.trusted && head.forwardedProto !== '';
    const secure = told ? /^\s*https\b/i.test(head.forwardedProto) : from.secure;
    const values = takeCookie(head.passed);
    const [value = ''] = values;
    return { server: values.length === 1 ? this.#verified(value) : null, secure };
  }

  /** Adds the cookie to an answer's lines, if its server is another than the client sticks to. */
  mark(lines: string[], serverId: string, affinity: Affinity): void {
    if (affinity.server === serverId) return;
    lines.push('Set-Cookie', this.#cookie(serverId, affinity.secure));
    // A cache must not give one client's cookie to all.
    if (!lines.some(isCacheControl)) lines.push('Cache-Control', 'private');
  }

  /** The same for what http-proxy writes. */
  markHeaders(headers: IncomingHttpHeaders, serverId: string, affinity: Affinity): void {
    if (affinity.server === serverId) return;
    const cookie = this.#cookie(serverId, affinity.secure);
    headers['set-cookie'] = [...(headers['set-cookie'] ?? []), cookie];
    headers['cache-control'] ??= 'private';
  }

  #verified(value: string): string | null {
    const [, id = '', mac = ''] = VALUE.exec(value) ?? [];
    if (id === '') return null;
    return timingSafeEqual(Buffer.from(mac), Buffer.from(this.#mac(id))) ? id : null;
  }

  #cookie(id: string, secure: boolean): string {
    if (this.#cookies.size > MAX_KNOWN) this.#cookies.clear();
    const value = this.#cookies.get(id) ?? `${STICKY_NAME}=${this.value(id)}`;
    this.#cookies.set(id, value);
    return `${value}; ${STICKY_SCOPE}${secure ? STICKY_SECURE : ''}`;
  }

  #mac(id: string): string {
    const mac = createHmac('sha256', this.#key).update(`${this.namespace}\n${id}`).digest();
    return mac.subarray(0, MAC_BYTES).toString('base64url');
  }
}

/** Removes our cookie, however often it is there; everything else stays byte for byte. */
function takeCookie(lines: string[]): string[] {
  const values: string[] = [];
  for (let at = lines.length - 2; at >= 0; at -= 2) {
    if (lines[at]?.toLowerCase() !== 'cookie') continue;
    const pairs = (lines[at + 1] ?? '').split(';');
    const others = pairs.filter((pair) => {
      const equals = pair.indexOf('=');
      const isOurs = equals !== -1 && pair.slice(0, equals).trim() === STICKY_NAME;
      if (isOurs) values.push(pair.slice(equals + 1).trim());
      return !isOurs;
    });
    if (others.length === pairs.length) continue;
    const left = others.join(';').trim();
    if (left === '') lines.splice(at, 2);
    else lines[at + 1] = left;
  }
  return values;
}

function isCacheControl(word: string, at: number): boolean {
  return at % 2 === 0 && word.toLowerCase() === 'cache-control';
}
