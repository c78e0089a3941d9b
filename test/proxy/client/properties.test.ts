import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { requestLines } from '../../../src/proxy/client/forwarded-headers.ts';
import { headRefusal } from '../../../src/proxy/client/request-checks.ts';
import { RequestHead } from '../../../src/proxy/client/request-head.ts';

/** What a client must never be able to say to a server through the door. */
const OURS = [
  ...['host', 'content-length', 'transfer-encoding', 'connection', 'keep-alive', 'te', 'trailer'],
  ...['upgrade', 'expect', 'forwarded', 'meow-attempt', 'proxy', 'proxy-authorization'],
  ...['proxy-connection', 'x-request-id', 'x-forwarded-for', 'x-forwarded-proto'],
  ...['x-forwarded-host', 'x-forwarded-port', 'x-forwarded-anything'],
];
const from = {
  peer: '192.0.2.1',
  trusted: false,
  secure: false,
  door: 'meow-abc234',
  httpVersion: '1.1',
  attempt: 'the-attempt',
};

const token = fc.stringMatching(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}$/);
/** One of ours as a client may spell it: in any case, and with what CGI reads as the same. */
const disguised = fc
  .tuple(fc.constantFrom(...OURS), fc.infiniteStream(fc.boolean()), fc.constantFrom(...'-_.!~'))
  .map(([name, cases, dash]) =>
    [...name.replaceAll('-', dash)]
      .map((char) => (cases.next().value ? char.toUpperCase() : char))
      .join(''),
  );
const name = fc.oneof(token, disguised);
const value = fc.oneof(
  fc.stringMatching(/^[\x21-\x7e]{0,20}$/),
  fc.array(name, { maxLength: 4 }).map((names) => names.join(', ')),
  fc.constantFrom('0', '12', 'chunked', 'close', 'keep-alive', 'gzip, chunked'),
);
const head = fc.array(fc.tuple(name, value), { maxLength: 15 });

/** How a server behind CGI, WSGI or Rack reads a name. */
const asRead = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, '-');
const inPairs = (lines: readonly string[]) =>
  lines.flatMap((name, at) => (at % 2 === 0 ? [[name, lines[at + 1] ?? ''] as const] : []));

describe('whatever lines a client sends', () => {
  test('those that frame a body or that the door writes reach a server as the door wrote them, once', () => {
    fc.assert(
      fc.property(head, (lines) => {
        const seen = inPairs(requestLines(new RequestHead(lines.flat()), from));
        const ours = seen.filter(([name]) => OURS.includes(asRead(name)));
        const named = (name: string) => ours.filter(([each]) => asRead(each) === name);
        expect(new Set(ours.map(([name]) => name)).size).toBe(ours.length);
        expect(named('x-forwarded-for')).toEqual([['x-forwarded-for', from.peer]]);
        expect(named('x-forwarded-proto')).toEqual([['x-forwarded-proto', 'http']]);
        expect(named('meow-attempt')).toEqual([['meow-attempt', from.attempt]]);
        const allowed = ['host', 'content-length', 'x-request-id', 'x-forwarded-for'];
        const written = [...allowed, 'x-forwarded-proto', 'x-forwarded-host', 'meow-attempt'];
        expect(ours.map(([name]) => name).filter((name) => !written.includes(name))).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });

  test('those that are nobody’s business but the app’s go through, in their order, but for what Connection names', () => {
    const plain = token.filter(
      (name) => !/^[ckmptx]/i.test(name) && !OURS.includes(name.toLowerCase()),
    );
    const some = fc
      .array(fc.tuple(plain, value))
      .chain((lines) =>
        fc.tuple(fc.constant(lines), fc.subarray(lines.map(([name]) => name.toUpperCase()))),
      );
    fc.assert(
      fc.property(some, (given) => {
        const [lines, dropped] = given;
        const connection = dropped.map((name) => ['Connection', name]);
        const { passed } = new RequestHead([...lines, ...connection].flat());
        const isDropped = (name: string) => dropped.includes(name.toUpperCase());
        expect(inPairs(passed)).toEqual(lines.filter(([name]) => !isDropped(name)));
      }),
    );
  });

  test('a body is framed in one way at most, and for one host, or the request is refused', () => {
    const request = new IncomingMessage(new Socket());
    request.httpVersion = '1.1';
    const sound = [
      ['Host', 'a'],
      ['Content-Length', '5'],
      ['Transfer-Encoding', 'chunked'],
    ] as const;
    const lengths = fc.array(fc.constantFrom(...sound), { maxLength: 4 });
    fc.assert(
      fc.property(fc.oneof(lengths, head), (lines) => {
        const found = new RequestHead(lines.flat());
        const count = (name: string) =>
          lines.filter(([each]) => each.toLowerCase() === name).length;
        const framings = count('content-length') + count('transfer-encoding');
        const isOpen = headRefusal(found, request, { maxHeaderLines: 100 }) === null;
        if (framings > 1 || count('host') !== 1) expect([lines, isOpen]).toEqual([lines, false]);
        if (isOpen) expect(found.length === '' || /^\d+$/.test(found.length)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});
