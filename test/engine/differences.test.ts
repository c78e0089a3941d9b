import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { EngineDoor } from '../../src/engine/engine-door.ts';
import { LOOPBACK } from '../../src/proxy/options.ts';
import { ask, exchange, startRaw } from '../helpers/clients.ts';
import { type Fleet, startFleet } from '../helpers/door-fleet.ts';
import { type EngineSite, openEngineSite } from '../helpers/engine-site.ts';
import { needs, testWith } from '../helpers/needs.ts';
import { until } from '../helpers/until.ts';
import { handshake } from '../helpers/web-sockets.ts';

/*
 * Lines of the table in docs/operations.md of what a door on HAProxy does otherwise, beside those in
 * engine-door.test.ts.
 */

let fleet: Fleet;
let site: EngineSite;
let door: EngineDoor;

const onHaproxy = (name: string, run: () => unknown) => testWith(needs.haproxy, name, run);
const seen = (id: string) => door.servers().find((server) => server.id === id);
const gone = (id: string) => until(`${id} is gone`, () => seen(id) === undefined);

/** Well until it is told otherwise; whatever else it is asked, it says 200. */
async function register(id: string) {
  let isWell = true;
  const server = await startRaw((socket, text) => {
    if (!text.includes('\r\n\r\n')) return;
    const isCheck = text.startsWith('GET /healthz');
    const status = isCheck && !isWell ? '500 Ill' : '200 OK';
    const body = isCheck ? `{"id":"${id}","state":"up"}` : 'hello';
    const length = Buffer.byteLength(body);
    socket.end(
      `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\n${body}`,
    );
  });
  await fleet.register({ id, port: server.port, url: `http://127.0.0.1:${server.port}` });
  await until(`${id} is used`, () => seen(id)?.state === 'usable');
  return {
    ail() {
      isWell = false;
    },
    async leave() {
      await fleet.store.registry.forget(id);
      await server.stop();
      await gone(id);
    },
  };
}

beforeAll(async () => {
  if (!needs.haproxy.isHere()) return;
  fleet = await startFleet();
  site = await openEngineSite(fleet);
  door = await site.open({ allowBackends: [...LOOPBACK, 'web1.internal'] });
});

afterAll(async () => {
  await site?.close();
  await fleet?.stop();
});

describe('a door on HAProxy', () => {
  onHaproxy('answers 503 where every server fails its health check', async () => {
    const server = await register('aaaaaa');
    expect((await ask(site.port)).status).toBe(200);
    server.ail();
    await until('it is out', () => seen('aaaaaa')?.state === 'out');
    const answer = await ask(site.port);
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '1']);
    await server.leave();
  });

  onHaproxy('does not use a server whose address is a name', async () => {
    await fleet.register({ id: 'bbbbbb', port: 3001, url: 'http://web1.internal:3001' });
    await until('it is seen', () => seen('bbbbbb'));
    expect(seen('bbbbbb')).toMatchObject({
      state: 'out',
      reason: expect.stringContaining('web1.internal is a name'),
    });
    await fleet.store.registry.forget('bbbbbb');
    await gone('bbbbbb');
  });

  onHaproxy('answers 502 for a WebSocket whose server proves no key', async () => {
    const server = await fleet.serve('cccccc');
    server.server.on('upgrade', (_request, socket) => {
      socket.on('error', () => {});
      socket.end(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nmeow',
      );
    });
    await until('it is used', () => seen('cccccc')?.state === 'usable');
    const answer = await exchange(site.port, handshake(), (text) => text.includes('\r\n\r\n'));
    expect(answer).toMatch(/^HTTP\/1\.1 502 /);
    await fleet.clear();
  });
});
