import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Admin, createAdmin } from '../../src/admin/admin.ts';
import { freePort } from '../helpers/redis.ts';
import { ask } from '../proxy/clients.ts';
import { type Fleet, type OpenDoor, startFleet } from '../proxy/fleet.ts';

let fleet: Fleet;
let open: OpenDoor;
let admin: Admin;
let port: number;
beforeAll(async () => {
  fleet = await startFleet();
  open = await fleet.open(0);
  port = await freePort();
  admin = createAdmin(open.door, { host: '127.0.0.1', port });
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

test.each(['localhost', '127.0.0.1', '[::1]'])('%s is a name of its own', async (name) => {
  const headers = { host: `${name}:${port}` };
  expect((await ask(port, '/healthz', { headers })).status).toBe(200);
});

test('nothing else is there, and nothing changes anything', async () => {
  expect((await ask(port, '/')).status).toBe(404);
  expect((await ask(port, '/__proto__')).status).toBe(404);
  expect((await ask(port, '/poison')).body).toBe('[]\n');
  const posted = await ask(port, '/servers', { method: 'POST' });
  expect([posted.status, posted.headers.allow]).toEqual([405, 'GET, HEAD']);
});

test('a port that is taken is one clear error', async () => {
  const second = createAdmin(open.door, { host: '127.0.0.1', port });
  await expect(second.listen()).rejects.toMatchObject({
    code: 'port-in-use',
    message: `port ${port} is in use`,
  });
});

test('the door itself exposes none of it', async () => {
  expect((await ask(open.port, '/servers')).headers['x-served-by']).toBe('aaaaaa');
});
