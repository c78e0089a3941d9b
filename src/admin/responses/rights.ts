import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { problem, type Reply } from './reply.ts';

/** `all`: whoever has the token. `figures`: anybody on this machine; states and figures, and changes nothing. */
export type Rights = 'all' | 'figures';

export interface AccessRules {
  /** Null where none could be kept: then nobody has all rights. */
  readonly token: string | null;
  /** Where it listens. */
  readonly host: string;
  /** Other names that it may be asked by. */
  readonly allowHosts: readonly string[];
}

const LOOPBACK = /^(localhost|127\.[\d.]+|\[::1\])$/;

/** What whoever asks may see, or why they get nothing. */
export function rightsOf(rules: AccessRules, request: IncomingMessage): Rights | Reply {
  return foreignHost(rules, request) ?? foreignPage(request) ?? tokenRights(rules, request);
}

// A page elsewhere can point its own name at us (DNS rebinding); it cannot choose these. HTTP/1.0 may
// come without a Host, but then there is no telling whom it means.
function foreignHost(rules: AccessRules, { headers, httpVersion }: IncomingMessage): Reply | null {
  if (headers.host === undefined && httpVersion !== '1.0') return null;
  const name = (headers.host ?? '').replace(/:\d+$/, '').toLowerCase();
  const ours = [rules.host, ...rules.allowHosts].map((one) => one.toLowerCase());
  if (LOOPBACK.test(name) || ours.includes(name)) return null;
  return problem(403, 'unknown Host', 'Allow it with --admin-allow-host');
}

/** A page of another origin gets nothing; a link there may lead to our page. */
function foreignPage({ headers, method }: IncomingMessage): Reply | null {
  const { origin, host = '' } = headers;
  const [site, mode] = [headers['sec-fetch-site'], headers['sec-fetch-mode']];
  const isLink = mode === 'navigate' && method === 'GET' && headers.authorization === undefined;
  const isOurSite = site === undefined || site === 'same-origin' || site === 'none';
  if (origin !== undefined && !isOriginOf(host, origin)) return problem(403, 'another Origin');
  return isOurSite || isLink ? null : problem(403, 'asked by a page of another site');
}

// Whatever ends TLS in front of us, the name and port are the same.
function isOriginOf(host: string, origin: string): boolean {
  const [, at] = /^https?:\/\/([^/]+)$/i.exec(origin) ?? [];
  return at !== undefined && at.toLowerCase() === host.toLowerCase();
}

function tokenRights({ token }: AccessRules, { headers }: IncomingMessage): Rights | Reply {
  const { authorization } = headers;
  if (authorization === undefined) return 'figures';
  const [, given] = /^Bearer +(\S+) *$/i.exec(authorization) ?? [];
  const isRight = token !== null && given !== undefined && isSame(given, token);
  return isRight ? 'all' : needsToken('this token is not the one of this door');
}

export function needsToken(error = 'this needs the token of this door'): Reply {
  const remedy = '`meowctl dashboard` prints it';
  return problem(401, error, remedy, { 'WWW-Authenticate': 'Bearer' });
}

// As long for a wrong token as for the right one.
function isSame(one: string, other: string): boolean {
  const [first, second] = [one, other].map((text) => createHash('sha256').update(text).digest());
  return first !== undefined && second !== undefined && timingSafeEqual(first, second);
}
