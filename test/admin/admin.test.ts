import { Agent } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { Admin } from '../../src/admin/admin.ts';
import { defaults } from '../../src/defaults.ts';
import type { Overview } from '../../src/model/overview.ts';
import { adminOf, TOKEN } from '../helpers/admin.ts';
import { ask, exchange } from '../helpers/clients.ts';
import { type Fleet, type OpenDoor, startFleet } from '../helpers/door-fleet.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';

let fleet: Fleet;
let open: OpenDoor;
let admin: Admin;
let port: number;
beforeAll(async () => {
  fleet = await startFleet();
  open = await fleet.open(0);
  port = await freePort();
  admin = adminOf(fleet, open, { port, clientHeaderMs: 1_000 });
  await admin.listen();
});
afterAll(async () => {
  admin.close();
  await fleet.stop();
});

test('GET /healthz says that the door lives, whatever its servers do', async () => {
  const answer = await ask(port, '/healthz');
  expect([answer.status, JSON.parse(answer.body).id]).toEqual([200, open.door.id]);
});

test('GET /readyz is 503 until a server is usable', async () => {
  expect((await ask(port, '/readyz')).status).toBe(503);
  const server = await fleet.serve('aaaaaa');
  await expect.poll(async () => (await ask(port, '/readyz')).status).toBe(200);
  expect(JSON.parse((await ask(port, '/servers')).body)).toMatchObject([
    { id: 'aaaaaa', url: `http://127.0.0.1:${server.port}`, state: 'usable', inflight: 0 },
  ]);
});

test('GET /readyz is 503 at a door that does not listen any more', async () => {
  const other = await fleet.open(1);
  expect(other.door.ready()).toBe(true);
  const client = connect(other.port, '127.0.0.1').on('error', () => {});
  client.write('GET /test HTTP/1.1\r\n');
  await until('its head is on its way', () => other.door.figures.snapshot().clients.open === 1);
  const closed = other.door.close(60_000);
  expect(other.door.ready()).toBe(false);
  client.destroy();
  await closed;
});

test('GET /overview has every server, with what the door says of it', async () => {
  const { door, servers, totals } = JSON.parse((await ask(port, '/overview')).body) as Overview;
  expect(door.id).toBe(open.door.id);
  expect(totals).toMatchObject({ servers: 1, up: 1 });
  expect(servers).toMatchObject([{ id: 'aaaaaa', state: 'up', door: 'usable', reason: '' }]);
});

test('GET /servers tells why a server is not used', async () => {
  await fleet.register({ id: 'bbbbbb', url: 'http://10.0.0.5:80', port: 80 });
  const found = async () =>
    (JSON.parse((await ask(port, '/servers')).body) as { id: string }[]).find(
      ({ id }) => id === 'bbbbbb',
    );
  await expect.poll(found).toMatchObject({
    state: 'out',
    reason: '10.0.0.5 is outside --allow-backends',
  });
});

test.each(['evil.example', 'evil.example:3900', '127.0.0.1.evil.example', '127.0.0.1@evil'])(
  'a page that points its own name %j here is refused (DNS rebinding)',
  async (host) => {
    expect((await ask(port, '/servers', { headers: { host } })).status).toBe(403);
  },
);

test.each([
  ['http://evil.example/overview', 'localhost', 403],
  ['http://localhost/overview', 'evil.example', 200],
])(
  'asked for %s, what its Host line says, %j, counts for nothing',
  async (target, host, status) => {
    const head = `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
    expect(await exchange(port, head)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  },
);

test.each(['localhost', '127.0.0.1', '[::1]'])(
  'the admin listener may be asked as %s',
  async (name) => {
    const headers = { host: `${name}:${port}` };
    expect((await ask(port, '/healthz', { headers })).status).toBe(200);
  },
);

test('the admin listener may be asked by the names that it was told, and by no others', async () => {
  const at = await freePort();
  const named = adminOf(fleet, open, { port: at, allowHosts: ['ops.example'] });
  onTestFinished(() => named.close());
  await named.listen();
  const status = async (path: string, host: string, over = {}) =>
    (await ask(at, path, { headers: { host, ...over } })).status;
  expect(await status('/overview', 'OPS.example:3900')).toBe(200);
  expect(await status('/overview', 'ops.example', { origin: 'https://ops.example' })).toBe(200);
  expect(await status('/overview', 'ops.example.evil')).toBe(403);
  for (const path of ['/healthz', '/metrics'])
    expect(await status(path, '10.1.2.3:3900')).toBe(200);
  expect(await status('/readyz', '10.1.2.3:3900')).toBeGreaterThanOrEqual(200);
  expect(await status('/readyz', '10.1.2.3:3900')).not.toBe(403);
});

test('the admin listener has no other pages, and nothing is changed without the token', async () => {
  expect((await ask(port, '/nothing')).status).toBe(404);
  expect((await ask(port, '/__proto__')).status).toBe(404);
  const posted = await ask(port, '/overview', { method: 'POST' });
  expect([posted.status, posted.headers.allow]).toEqual([405, 'GET, HEAD']);
});

test('CONNECT and TRACE are answered as other methods are that no route has', async () => {
  for (const line of ['CONNECT 127.0.0.1:6379', 'TRACE /overview']) {
    const answer = await exchange(port, `${line} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 405 .*\r\nAllow: GET, HEAD\r\n/s);
  }
});

test('a query counts where one is taken, and then has nothing else in it; elsewhere it is passed over', async () => {
  const status = async (path: string) => (await ask(port, path, { headers: bearer(TOKEN) })).status;
  const taken = ['/events?limit=1', '/events?x=1', '/requests?id=one', '/requests?path=%2Fx'];
  expect(await Promise.all(taken.map(status))).toEqual([200, 400, 200, 400]);
  const others = ['/overview', '/servers', '/doors', '/queue', '/recent', '/poison', '/metrics'];
  const all = [...others, '/healthz', '/', '/changes'].map((path) => `${path}?since=1&x=<b>`);
  expect(await Promise.all(all.map(status))).toEqual(all.map(() => 200));
});

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

test.each([
  ['none', undefined],
  ['another', bearer('another')],
  ['half of it', bearer(TOKEN.slice(0, 20))],
  ['more than it', bearer(`${TOKEN}x`)],
  ['an empty one', { authorization: 'Bearer ' }],
  ['one as a password', { authorization: `Basic ${btoa(`:${TOKEN}`)}` }],
])('what clients asked for is kept from who has %s as the token', async (_, headers) => {
  const answer = await ask(port, '/poison', headers ? { headers } : {});
  expect([answer.status, answer.headers['www-authenticate']]).toEqual([401, 'Bearer']);
});

test('GET /poison is answered to who has the token', async () => {
  expect((await ask(port, '/poison', { headers: bearer(TOKEN) })).body).toBe('[]\n');
});

test('GET /requests tells of those that had trouble to whoever has the token: their paths are private', async () => {
  expect((await ask(port, '/requests?id=one')).status).toBe(401);
  const asked = async (query: string) =>
    JSON.parse((await ask(port, `/requests${query}`, { headers: bearer(TOKEN) })).body);
  const broken = await fleet.serve('cccccc', (request) => request.socket.destroy());
  await expect.poll(() => open.door.servers().map(({ id }) => id)).toContain('cccccc');
  const post = { method: 'POST', body: 'a', headers: { 'x-request-id': 'one' } };
  await expect.poll(async () => (await ask(open.port, '/x', post)).status).toBe(502);
  await broken.die();
  expect(await asked('?id=one')).toMatchObject([{ id: 'one', path: '/x', tried: ['cccccc'] }]);
  expect(await asked('?server=cccccc')).toHaveLength(1);
  expect(await asked('?id=other')).toEqual([]);
  await fleet.store.registry.forget('cccccc');
});

test.each([
  ['another Origin', { origin: 'http://evil.example' }],
  ['an Origin of another port', { origin: 'http://127.0.0.1:1' }],
  ['no Origin of its own', { origin: 'null' }],
  ['another site', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' }],
  ['another port of the site', { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors' }],
])('a page of %s gets nothing, with the token or without', async (_, headers) => {
  expect((await ask(port, '/overview', { headers })).status).toBe(403);
  const both = { ...headers, ...bearer(TOKEN) };
  expect((await ask(port, '/overview', { headers: both })).status).toBe(403);
});

test('the page itself may ask, and a link on another page may lead to it', async () => {
  const own = { origin: `http://127.0.0.1:${port}`, 'sec-fetch-site': 'same-origin' };
  expect((await ask(port, '/overview', { headers: { ...own, ...bearer(TOKEN) } })).status).toBe(
    200,
  );
  const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
  expect((await ask(port, '/', { headers: link })).status).toBe(200);
  expect((await ask(port, '/', { headers: { ...link, ...bearer(TOKEN) } })).status).toBe(403);
});

test('answers of the admin listener let no page frame, read or guess them', async () => {
  const { headers } = await ask(port, '/overview');
  expect(headers).toMatchObject({
    'content-type': 'application/json',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
  });
  expect(headers['content-security-policy']).toContain(
    "default-src 'none'; frame-ancestors 'none'",
  );
  expect((await ask(port, '/')).headers['content-security-policy']).toBe(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  );
});

test('one connection to the admin listener serves many requests', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  const first = await ask(port, '/healthz', { agent });
  expect(first.headers.connection).toBe('keep-alive');
  expect((await ask(port, '/overview', { agent })).status).toBe(200);
});

const get = (lines: string) => `GET /healthz HTTP/1.1\r\n${lines}\r\n`;
const ours = 'Host: localhost\r\n';

test.each([
  ['no Host', 400, get('')],
  ['no Host, and garbage behind it', 400, `${get('')}GARBAGE\r\n\r\n`],
  ['two Hosts', 400, get(`${ours}Host: evil\r\n`)],
  ['a length twice', 400, get(`${ours}Content-Length: 0\r\nContent-Length: 0\r\n`)],
  ['more than 100 lines', 431, get(ours + 'X: y\r\n'.repeat(100))],
  ['a head over 16 KiB', 431, get(`${ours}X: ${'y'.repeat(20_000)}\r\n`)],
  ['garbage', 400, 'GARBAGE\r\n\r\n'],
  ['TRACE', 405, `TRACE /healthz HTTP/1.1\r\n${ours}\r\n`],
  ['half a head', 408, `GET /healthz HTTP/1.1\r\nHost:`],
])(
  'a request with %s is refused by the admin listener as at the door: once, with %i, and the connection ends',
  async (_, status, bytes) => {
    const text = await exchange(port, bytes);
    expect(text.match(/HTTP\/1\.1 \d{3}/g)).toEqual([`HTTP/1.1 ${status}`]);
    expect(text).toMatch(/^Date: /m);
    expect(/^Allow: GET, HEAD\r$/m.test(text)).toBe(status === 405);
  },
);

test('half heads beyond the cap of the admin listener end the one that was silent for longest, and lock nobody out', async () => {
  const most = 20;
  const at = { host: '127.0.0.1', port: await freePort() };
  const limits = { clientHeaderMs: defaults.clientRequestMs, maxAdminConnections: most };
  const small = adminOf(fleet, open, { ...limits, port: at.port });
  onTestFinished(() => small.close());
  await small.listen();
  const sockets = Array.from({ length: 3 * most }, () => {
    const socket = connect(at.port, at.host, () => socket.write('GET /healthz HTTP/1.1\r\nHos'));
    return socket.on('error', () => {}).resume();
  });
  onTestFinished(() => sockets.forEach((socket) => void socket.destroy()));
  const left = () => sockets.filter(({ closed }) => !closed);
  await until('those beyond the cap are closed', () => left().length === most);
  expect((await ask(at.port, '/healthz')).status).toBe(200);
  await until('one more is', () => left().length === most - 1);
  expect(left()).not.toContain(sockets.at(0));
});

test('an admin port that is taken is one clear error', async () => {
  const second = adminOf(fleet, open, { port });
  await expect(second.listen()).rejects.toMatchObject({
    code: 'port-in-use',
    message: `port ${port} is in use`,
  });
});

test('a door exposes nothing of its admin listener on its own port', async () => {
  expect((await ask(open.port, '/servers')).headers['x-served-by']).toBe('aaaaaa');
});
