import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Admin } from '../../src/admin/admin.ts';
import type { FleetEvent } from '../../src/model/event.ts';
import { adminOf, TOKEN } from '../helpers/admin.ts';
import { ask } from '../helpers/clients.ts';
import { type Fleet, startFleet } from '../helpers/door-fleet.ts';
import { openEventStream } from '../helpers/event-stream.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';

const all = { authorization: `Bearer ${TOKEN}` };
const crash = {
  kind: 'crashed',
  server: 'abc234',
  by: 'keeper',
  user: 'ann',
  host: 'web1',
  why: 'it ended with "key=secret" in /srv/app.js?x=1 five times',
} as const;

let fleet: Fleet;
let admin: Admin;
let port: number;
beforeAll(async () => {
  fleet = await startFleet();
  port = await freePort();
  admin = adminOf(fleet, await fleet.open(0), { port });
  await admin.listen();
  fleet.store.events.note(crash);
  await until('it is written', async () => (await read()).some(({ kind }) => kind === 'crashed'));
});
afterAll(async () => {
  admin.close();
  await fleet.stop();
});

const read = async (query = '', headers: Record<string, string> = all) => {
  const { body } = await ask(port, `/events${query}`, { headers });
  return JSON.parse(Buffer.from(body, 'latin1').toString()) as FleetEvent[];
};

describe('GET /events', () => {
  test('lists what happened, oldest first', async () => {
    const events = await read();
    expect(events.map(({ kind }) => kind)).toEqual(['door-opened', 'crashed']);
    expect(events.at(-1)).toMatchObject(crash);
  });

  test('tells anybody what happened, but no user, path, or words of an app', async () => {
    const told = (await read('', {})).at(-1);
    expect(told).toMatchObject({ kind: 'crashed', server: 'abc234', host: 'web1', user: null });
    expect(told?.why).toBe('it ended with … in … five times');
  });

  test('lists those of one server, since a time, or the newest so many', async () => {
    expect((await read('?server=abc234')).map(({ kind }) => kind)).toEqual(['crashed']);
    expect(await read('?server=zzz999')).toEqual([]);
    expect((await read('?limit=1')).map(({ kind }) => kind)).toEqual(['crashed']);
    expect(await read(`?since=${Date.now() + 3_600_000}`)).toEqual([]);
  });

  test.each([
    'server=abc',
    'since=yesterday',
    'since=-1',
    'limit=0',
    'limit=1001',
    'limit=x',
    'x=1',
  ])('refuses ?%s', async (query) => {
    expect((await ask(port, `/events?${query}`)).status).toBe(400);
  });
});

describe('the event stream', () => {
  test('tells what happens, to each as it may see it', async () => {
    const streams = [await openEventStream(port), await openEventStream(port, all)];
    onTestFinished(() => streams.forEach((stream) => void stream.close()));
    // It may still be on its way to Redis when the stream opens.
    await until('both know', () => {
      fleet.store.events.note({ kind: 'scaled', by: 'scale', user: 'ann', why: 'to 4' });
      return streams.every((stream) => stream.of('fleet-event').length > 0);
    });
    const [seen, whole] = streams.map((stream) => stream.of<FleetEvent>('fleet-event')[0]);
    expect(seen).toMatchObject({ kind: 'scaled', user: null, why: 'to 4' });
    expect(whole).toMatchObject({ kind: 'scaled', user: 'ann' });
    const { id } = streams[0]?.events.find(({ event }) => event === 'fleet-event') ?? {};
    expect(id).toBe(seen?.id);
  });

  test('tells who comes back what happened since, and nothing twice', async () => {
    const events = await read();
    const crashed = events.find(({ kind }) => kind === 'crashed');
    const after = events.slice(events.findIndex(({ id }) => id === crashed?.id) + 1);
    const stream = await openEventStream(port, { ...all, 'last-event-id': crashed?.id ?? '' });
    onTestFinished(() => stream.close());
    await until('all of it', () => stream.of('fleet-event').length >= after.length);
    expect(stream.of<FleetEvent>('fleet-event').slice(0, after.length)).toEqual(after);
  });
});
