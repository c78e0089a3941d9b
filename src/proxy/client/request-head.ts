import { dropNamed, HOP_BY_HOP } from '../../http/hop-by-hop.ts';
import { DOOR_NAME } from '../../ids.ts';

/** What the door needs to know of a request's header lines, found in one pass over them. */
export class RequestHead {
  hosts = 0;
  host = '';
  lengths = 0;
  length = '';
  codings = 0;
  coding = '';
  connection = '';
  upgrade = '';
  accept = '';
  requestId = '';
  forwardedFor = '';
  forwardedProto = '';
  forwardedHost = '';
  /** Its Via names a door: it has been here, or at one like us. */
  looped = false;
  readonly lines: number;
  /** End-to-end lines as they came: name, value, name, value… */
  readonly passed: string[] = [];

  constructor(raw: readonly string[]) {
    this.lines = raw.length / 2;
    for (let at = 0; at < raw.length; at += 2) this.#take(raw[at] ?? '', raw[at + 1] ?? '');
    // What it may not take away (Host, framing, our own) is not in `passed`.
    if (this.connection !== '') dropNamed(this.passed, this.connection);
  }

  /** Whether a body follows. */
  get hasBody(): boolean {
    return this.codings > 0 || (this.lengths > 0 && !/^0*$/.test(this.length));
  }

  #take(name: string, value: string): void {
    const rule = lineRules.get(name) ?? lineRules.get(name.toLowerCase()) ?? byPrefix;
    if (rule(this, value, name)) this.passed.push(name, value);
  }
}

/** Takes note of a line; true if it goes on to the server. */
type LineRule = (head: RequestHead, value: string, name: string) => boolean;

const drop: LineRule = () => false;

const notes: Readonly<Record<string, LineRule>> = {
  ...Object.fromEntries(HOP_BY_HOP.map((name) => [name, drop])),
  host(head, value) {
    head.hosts += 1;
    head.host = value;
    return false;
  },
  'content-length'(head, value) {
    head.lengths += 1;
    head.length = value;
    return false;
  },
  'transfer-encoding'(head, value) {
    head.codings += 1;
    head.coding = value;
    return false;
  },
  connection(head, value) {
    if (value === 'keep-alive' || value === 'close') return false; // names nothing
    head.connection = joined(head.connection, value);
    return false;
  },
  upgrade(head, value) {
    head.upgrade = joined(head.upgrade, value);
    return false;
  },
  accept(head, value) {
    head.accept = value;
    return true;
  },
  via(head, value) {
    head.looped ||= DOOR_NAME.test(value);
    return true;
  },
  'x-request-id'(head, value) {
    head.requestId = value;
    return false;
  },
  'x-forwarded-for'(head, value) {
    head.forwardedFor = joined(head.forwardedFor, value);
    return false;
  },
  'x-forwarded-proto'(head, value) {
    head.forwardedProto = value;
    return false;
  },
  'x-forwarded-host'(head, value) {
    head.forwardedHost = value;
    return false;
  },
  expect: drop,
  forwarded: drop,
  'meow-attempt': drop,
  // Not a header of HTTP, but CGI and its successors would turn it into HTTP_PROXY.
  proxy: drop,
};

// The usual spellings of each name, so that common lines need no lower-casing.
const lineRules: ReadonlyMap<string, LineRule> = new Map(
  Object.entries(notes).flatMap(([name, rule]) => [
    [name, rule],
    [capitalized(name), rule],
  ]),
);

const ODD = /[^A-Za-z0-9-]/;
// The first letters of all names that have a rule here: few other lines need a closer look.
const BEGINNINGS: ReadonlySet<number> = new Set(Buffer.from('ckmptx'));

function byPrefix(_head: RequestHead, _value: string, name: string): boolean {
  const first = name.charCodeAt(0) | 0x20;
  if (!BEGINNINGS.has(first)) return true;
  if (ODD.test(name)) return !isTwin(name);
  if (first === 0x70) return !/^proxy-/i.test(name);
  return first !== 0x78 || !/^x-forwarded-/i.test(name);
}

/**
 * Whether an app may take it for a name that has a rule here. CGI, WSGI, PHP and Rack call both
 * `X_Forwarded_For` and `X-Forwarded-For` HTTP_X_FORWARDED_FOR (RFC 3875 §4.1.18), and some read
 * every other character that a name may have as `_` too.
 */
function isTwin(name: string): boolean {
  const read = name.toLowerCase().replace(/[^a-z0-9]/g, '-');
  return lineRules.has(read) || /^(?:proxy|x-forwarded)-/.test(read);
}

function joined(before: string, value: string): string {
  return before === '' ? value : `${before}, ${value}`;
}

function capitalized(name: string): string {
  return name.replace(/\b[a-z]/g, (letter) => letter.toUpperCase());
}
