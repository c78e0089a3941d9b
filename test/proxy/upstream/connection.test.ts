import type { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ask, type RawServer, startRaw } from '../../helpers/clients.ts';
import { type Fleet, type OpenDoor, startFleet } from '../../helpers/door-fleet.ts';
import { until } from '../../helpers/until.ts';

let fleet: Fleet;
const raws: RawServer[] = [];
beforeAll(async () => {
  fleet = await startFleet();
});
afterEach(async () => {
  await fleet.clear();
  for (const raw of raws.splice(0)) await raw.stop();
});
afterAll(() => fleet.stop());

const BODY = 'GET /evil HTTP/1.1\r\nHost: a\r\n\r\n';
const length = { 'content-length': BODY.length };
const chunked = { 'transfer-encoding': 'chunked' };

test.each([
  ['HEAD', {}],
  ['GET', length],
  ['GET', chunked],
  ['DELETE', chunked],
  ['OPTIONS', length],
  ['REPORT', length],
])(
  'one connection to a server carries six requests in turn: %s, with %j',
  async (method, headers) => {
    const { requests } = await fleet.serve('aaaaaa', (incoming, response) => {
      let got = '';
      incoming.on('data', (piece) => {
        got += piece;
      });
      incoming.on('end', () => response.setHeader('x-got', got.length).end('fine'));
    });
    const { port } = await fleet.open(1);
    const body = headers === length || headers === chunked ? { body: BODY } : {};
    for (let at = 0; at < 6; at += 1) {
      const { status, headers: got } = await ask(port, '/', { method, headers, ...body });
      expect([status, got['x-got']]).toEqual([200, String(body.body?.length ?? 0)]);
    }
    expect(requests).toHaveLength(6);
    expect(new Set(requests.map(({ socket }) => socket)).size).toBe(1);
  },
);

describe('a connection to a server that misreads requests', () => {
  const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine';
  const EVIL = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil';

  /** A door before one server that answers each request so. */
  async function before(answer: (socket: Socket, head: string) => void): Promise<OpenDoor> {
    const seen = new WeakMap<Socket, number>();
    const raw = await startRaw((socket, text) => {
      const since = text.slice(seen.get(socket) ?? 0);
      if (!/\r\n\r\n/.test(since)) return;
      seen.set(socket, text.length);
      answer(socket, since);
    });
    raws.push(raw);
    await fleet.register({ id: 'aaaaaa', port: raw.port, url: `http://127.0.0.1:${raw.port}` });
    return fleet.open(1);
  }

  const misreading: [string, string, (socket: Socket) => void][] = [
    ['sends a body to HEAD', 'HEAD', (socket) => socket.write(ANSWER.slice(0, -4) + EVIL)],
    [
      'sends a body to HEAD a little later',
      'HEAD',
      (socket) => {
        socket.write(ANSWER.slice(0, -4));
        setImmediate(() => socket.write(EVIL));
      },
    ],
    ['answers the body of a GET', 'GET', (socket) => socket.write(ANSWER + EVIL)],
  ];

  test.each(misreading)(
    'harms no other request, and is kept no longer, where it %s',
    async (_, way, act) => {
      const used: Socket[] = [];
      const closing: boolean[] = [];
      const { port } = await before((socket, head) => {
        if (!head.includes('/odd')) return void socket.write(ANSWER);
        used.push(socket);
        closing.push(head.includes('connection: close'));
        act(socket);
      });
      const odd = way === 'HEAD' ? {} : { headers: length, body: BODY };
      expect((await ask(port, '/odd', { method: way, ...odd })).status).toBe(200);
      await until('it is cut', () => used[0]?.destroyed);
      for (let at = 0; at < 3; at += 1) {
        expect((await ask(port, '/odd', { method: way, ...odd })).status).toBe(200);
        expect((await ask(port)).body).toBe('fine');
      }
      expect(closing).toEqual([false, true, true, true]);
      expect(new Set(used).size).toBe(used.length);
    },
  );
});
