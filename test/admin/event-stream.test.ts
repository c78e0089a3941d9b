import { connect } from 'node:net';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { AdminOptions } from '../../src/admin/admin.ts';
import type { Overview } from '../../src/model/overview.ts';
import { adminOf, TOKEN } from '../helpers/admin.ts';
import { ask } from '../helpers/clients.ts';
import { type Fleet, type OpenDoor, startFleet } from '../helpers/door-fleet.ts';
import { type EventStream, openEventStream } from '../helpers/event-stream.ts';
import { thorough } from '../helpers/needs.ts';
import { freePort } from '../helpers/redis.ts';
import { connectionsAt } from '../helpers/sockets.ts';
import { until } from '../helpers/until.ts';

const all = { authorization: `Bearer ${TOKEN}` };

let fleet: Fleet;
let open: OpenDoor;
let port: number;
beforeAll(async () => {
  fleet = await startFleet();
  open = await fleet.open(0);
  port = await listening();
});
afterAll(() => fleet.stop());

/** @returns its port */
async function listening(options: Partial<AdminOptions> = {}): Promise<number> {
  const at = await freePort();
  const admin = adminOf(fleet, open, { ...options, port: at });
  await admin.listen();
  admins.push(admin);
  return at;
}
const admins: { close(): void }[] = [];
afterAll(() => admins.forEach((admin) => void admin.close()));

async function watch(headers: Record<string, string> = {}, at = port): Promise<EventStream> {
  const stream = await openEventStream(at, headers);
  onTestFinished(() => stream.close());
  return stream;
}

test('GET /events brings an overview at once, and one each second', async () => {
  const stream = await watch();
  expect(stream.answer.headers['content-type']).toBe('text/event-stream');
  await until('the first overview', () => stream.of('overview').length > 0);
  await fleet.serve('aaaaaa');
  const newest = () => stream.of<Overview>('overview').at(-1);
  await until('the new server', () => newest()?.servers[0]?.door === 'usable');
  expect(newest()?.servers).toMatchObject([{ id: 'aaaaaa', state: 'up' }]);
});

test('all who look get the same overview, each with what it may see', async () => {
  await fleet.register({ id: 'bbbbbb', app: '/srv/secret/server.js', port: 3_999 });
  const streams = [await watch(), await watch(), await watch(all)];
  const at = (stream: EventStream) => stream.of<Overview>('overview').map((one) => one.at);
  await until('three each', () => streams.every((stream) => at(stream).length > 3));
  const [first, second, third] = streams.map((stream) => at(stream).slice(1));
  const shared = first?.filter((one) => second?.includes(one) && third?.includes(one)) ?? [];
  expect(shared.length).toBeGreaterThan(1);
  const appSeenBy = (stream: EventStream | undefined) =>
    stream
      ?.of<Overview>('overview')
      .at(-1)
      ?.servers.find(({ id }) => id === 'bbbbbb')?.app;
  expect(appSeenBy(streams[0])).toBe('server.js');
  expect(appSeenBy(streams[2])).toBe('/srv/secret/server.js');
});

test('HEAD brings the head of the stream alone', async () => {
  const headers = { accept: 'text/event-stream' };
  const head = await ask(port, '/events', { method: 'HEAD', headers });
  expect([head.status, head.headers['content-type'], head.body]).toEqual([
    ...[200, 'text/event-stream', ''],
  ]);
});

test.runIf(thorough)('a viewer that never reads is dropped, and others go on', async () => {
  for (let at = 0; at < 100; at += 1) {
    const name = `deaf${'abcdefghijkmnpqrstuvwxyz'[at % 24]}${Math.floor(at / 24) + 2}`;
    await fleet.register({ id: name, app: 'x'.repeat(900), port: 20_000 + at });
  }
  const small = await listening({ maxViewerBytes: 64 * 1_024, overviewMs: 10 });
  const deaf = connect(small, '127.0.0.1');
  let closed = false;
  deaf.once('close', () => {
    closed = true;
  });
  deaf.on('error', () => {}).pause();
  deaf.write(
    `GET /events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`,
  );
  const other = await watch({}, small);
  const held = () => process.memoryUsage().rss;
  const before = held();
  // Its end is seen only once it reads; what the kernel has taken by then is still there to be read.
  await until('it was dropped', async () => {
    const { length } = other.of('overview');
    await until('some more overviews', () => other.of('overview').length > length + 20);
    return connectionsAt(small) === 1;
  });
  expect(held() - before).toBeLessThan(100 * 1_024 * 1_024);
  deaf.resume();
  await until('its end', () => closed);
  expect(other.ended()).toBe(false);
});

test('one viewer more than may be ends the oldest', async () => {
  const few = await listening({ maxViewers: 2 });
  const streams = [await watch({}, few), await watch({}, few), await watch(all, few)];
  await until('the first one ended', () => streams[0]?.ended() === true);
  const { length } = streams[1]?.of('overview') ?? [];
  await until('the others go on', () => (streams[1]?.of('overview').length ?? 0) > length + 1);
  expect(streams[2]?.ended()).toBe(false);
});

test('viewers who come in one moment end all but the newest, too', async () => {
  const few = await listening({ maxViewers: 2 });
  // The first look takes them all the same time.
  await fleet.redis.kill('SIGSTOP');
  const sockets = Array.from({ length: 40 }, () => connect(few, '127.0.0.1'));
  for (const socket of sockets) {
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => {}).resume();
    socket.write('GET /events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n');
  }
  await until('all have come', () => connectionsAt(few) === 40);
  await fleet.redis.kill('SIGCONT');
  await until('two are left', () => connectionsAt(few) === 2);
  expect(sockets.filter(({ closed }) => !closed).length).toBeGreaterThanOrEqual(2);
});
