import { STICKY_NAME, STICKY_SCOPE, STICKY_SECURE } from '../../proxy/sticky/cookie.ts';
import { literal, quoted } from './words.ts';

/** Each server's cookie, by its id. */
export const COOKIES = 'cookies.map';

const COOKIE = `req.cook(${STICKY_NAME})`;
const OURS = `[ \\t]*${STICKY_NAME}[ \\t]*=[^;]*`;
/** A client may bring ours more than once; more than so often nobody does by accident. */
const TIMES = 3;

/** Whom a client sticks to, as the embedded door reads it: only a cookie that is a server's counts. */
export function stickyRequestRules(): string[] {
  const isIts = `{ req.cook_cnt(${STICKY_NAME}) eq 1 } { ${COOKIE},secure_memcmp(txn.cookie) }`;
  return [
    `http-request set-var(txn.stuck) ${COOKIE},field(1,.)`,
    `http-request set-var(txn.cookie) var(txn.stuck),map_str(${COOKIES})`,
    `http-request unset-var(txn.stuck) unless ${isIts}`,
    ...Array.from({ length: TIMES }, withoutOurs).flat(),
    'http-request del-header cookie if { req.fhdr_cnt(cookie) eq 1 } { req.fhdr(cookie) -m len 0 }',
    // By then the line is ours, or of a proxy that is trusted.
    'http-request set-var(txn.secure) bool(true) if { req.hdr(x-forwarded-proto) -i -m beg https }',
  ];
}

/** The server that its client sticks to, while that may have requests; and the cookie of another. */
export function stickyServerRules(): string[] {
  const set = (more: string) =>
    `http-response add-header Set-Cookie ${quoted(`${STICKY_NAME}=%[var(txn.given)]; ${STICKY_SCOPE}${more}`)}`;
  const isGiven = '{ var(txn.given) -m found }';
  return [
    `http-response set-var(txn.given) srv_name,map_str(${COOKIES}) unless { srv_name,strcmp(txn.stuck) eq 0 }`,
    `${set(STICKY_SECURE)} if ${isGiven} { var(txn.secure) -m bool }`,
    `${set('')} if ${isGiven} !{ var(txn.secure) -m bool }`,
    // A cache must not give one client's cookie to all.
    `http-response set-header Cache-Control private if ${isGiven} !{ res.hdr(cache-control) -m found }`,
    'use-server %[var(txn.stuck)] if { var(txn.stuck) -m found }',
  ];
}

// Behind another cookie, then at the beginning: everything else stays byte for byte.
function withoutOurs(): string[] {
  const replace = (pattern: string, by: string) =>
    `http-request replace-header Cookie ${literal(pattern)} ${literal(by)}`;
  return [replace(`^(.*?);${OURS}(;.*)?$`, '\\1\\2'), replace(`^${OURS}(;[ \\t]*(.*))?$`, '\\2')];
}
