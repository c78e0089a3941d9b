import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest';
import type { EngineDoor } from '../../../src/engine/engine-door.ts';
import { identify } from '../../../src/process/identity.ts';
import type { Answered } from '../../../src/proxy/exchange/context.ts';
import { type Fleet, startFleet } from '../../helpers/door-fleet.ts';
import { type EngineSite, openEngineSite, used } from '../../helpers/engine-site.ts';
import { needs, testWith } from '../../helpers/needs.ts';
import { leaver, manyLeavers, serveThreeCats, take } from '../../helpers/picture-clients.ts';
import { until } from '../../helpers/until.ts';

/* What test/proxy/exchange/undelivered-pictures.test.ts says of the embedded door, of one on HAProxy. */

const data = readFileSync(join(import.meta.dirname, '..', '..', '..', 'img', 'night.png'));
const LEAVERS = 40;
const LEAVES_WITHIN_MS = 8;
const LONG = { responseHeaderMs: 600_000, threads: 2 };
const answers: Answered[] = [];
let fleet: Fleet;
let raw: Redis;
let site: EngineSite;
let door: EngineDoor;
let port: number;

const onHaproxy = (name: string, run: () => unknown) => testWith(needs.haproxy, name, run);

beforeAll(async () => {
  if (!needs.haproxy.isHere()) return;
  fleet = await startFleet();
  raw = new Redis(fleet.redis.url);
  site = await openEngineSite(fleet);
  port = site.port;
  const onAnswer = (answered: Answered) => void answers.push(answered);
  door = await site.create({ ...LONG, accessLog: true }, { onAnswer });
  await door.open();
});
afterEach(async () => {
  await fleet?.clear();
  await until('all servers are gone', () => (door?.servers().length ?? 0) === 0);
  await raw?.del('{meow}:images');
  answers.length = 0;
});
afterAll(async () => {
  await site?.close();
  raw?.disconnect();
  await fleet?.stop();
});

const queued = () => raw.llen('{meow}:images');
const enqueue = (count: number) =>
  fleet.store.images.enqueue(
    Array.from({ length: count }, () => ({ data, type: 'image/png' as const, name: 'a.png' })),
  );

async function serve(app: Parameters<Fleet['serve']>[1]) {
  await fleet.serve('aaaaaa', app);
  await used(door, 'aaaaaa');
}

const takeAndBegin: Parameters<Fleet['serve']>[1] = async (request, response) => {
  await take(fleet, request);
  response.writeHead(200, { 'content-length': data.length }).write(data.subarray(0, 1_000));
};

describe('behind HAProxy a picture', () => {
  onHaproxy('whose client left in the middle of it is back in the queue', async () => {
    await enqueue(1);
    await serve(takeAndBegin);
    await leaver(port, (socket) => socket.once('data', () => socket.resetAndDestroy()));
    await until('it is back', async () => (await queued()) === 1);
    expect(answers[0]?.trouble).toBe('the client left');
  });

  onHaproxy(
    'that its server took only after its client had left is back in the queue',
    async () => {
      await enqueue(1);
      let left = () => {};
      const gone = new Promise<void>((resolve) => {
        left = resolve;
      });
      await serve(async (request) => {
        await gone;
        await take(fleet, request);
      });
      await leaver(port, (socket) => setTimeout(() => socket.resetAndDestroy(), 50));
      await until('it is told', () => answers.length === 1);
      left();
      await until('it was taken', async () => (await queued()) === 0);
      await until('it is back', async () => (await queued()) === 1);
    },
  );

  onHaproxy('whose request ends in an answer of the door’s own is back in the queue', async () => {
    await enqueue(1);
    let tries = 0;
    await serve(async (request) => {
      tries += 1;
      if (tries === 1) await take(fleet, request);
      request.socket.destroy();
    });
    // 503 where a health check has found out before the second try.
    expect((await fetch(`http://127.0.0.1:${port}/meow`)).status).toBeOneOf([502, 503]);
    await until('it is back', async () => (await queued()) === 1);
  });

  onHaproxy(
    'whose client left while nobody looked after HAProxy is back with the next door',
    async () => {
      await enqueue(1);
      await serve(takeAndBegin);
      await site.abandon(door);
      await leaver(port, (socket) => socket.once('data', () => socket.resetAndDestroy()));
      expect(await queued()).toBe(0);
      // It is told of requests that had trouble, without an access log.
      door = await site.create(LONG);
      await door.open();
      await until('it is back', async () => (await queued()) === 1);
      await site.abandon(door);
      const onAnswer = (answered: Answered) => void answers.push(answered);
      door = await site.create({ ...LONG, accessLog: true }, { onAnswer });
      await door.open();
      expect(await queued()).toBe(1);
    },
  );

  onHaproxy(
    'whose client left after HAProxy was loaded anew in the middle of it is back',
    async () => {
      await enqueue(1);
      await serve(takeAndBegin);
      let socket: Socket | undefined;
      const left = leaver(port, (asking) => {
        socket = asking;
      });
      await until('it has begun', () => (socket?.bytesRead ?? 0) > 0);
      const worker = await site.worker();
      await site.abandon(door);
      const onAnswer = (answered: Answered) => void answers.push(answered);
      door = await site.create({ ...LONG, accessLog: true, maxInflight: 9 }, { onAnswer });
      await door.open();
      expect([(await site.worker()) === worker, await queued()]).toEqual([false, 0]);
      socket?.resetAndDestroy();
      await left;
      await until('it is back', async () => (await queued()) === 1);
      // Reading what the old worker says does not keep it alive.
      await until('the old worker is gone', () => identify(worker) === null);
    },
  );

  onHaproxy('leaves the queue for each answer that has left whole, and for no other', async () => {
    const servers = await serveThreeCats(fleet);
    for (const id of ['aaaaaa', 'bbbbbb', 'cccccc']) await used(door, id);
    await enqueue(LEAVERS + 1);
    const got = await fetch(`http://127.0.0.1:${port}/meow`);
    expect(Buffer.from(await got.arrayBuffer()).equals(data)).toBe(true);
    await manyLeavers(port, LEAVERS, LEAVES_WITHIN_MS);
    // One that left before HAProxy had read its request has asked for nothing.
    await fetch(`http://127.0.0.1:${port}/last`).then((answer) => answer.arrayBuffer());
    await until('all are told', () => answers.some(({ path }) => path === '/last'));
    const pictures = answers.filter(({ path }) => path === '/meow');
    const whole = pictures.filter(({ status, trouble }) => status === 200 && trouble === null);
    expect(whole.length).toBeGreaterThan(0);
    const left = LEAVERS + 1 - whole.length;
    await until('the rest is back', async () => (await queued()) === left);
    // Nothing more comes or goes: what is kept for a second try is forgotten.
    await until('nothing is kept', async () => (await raw.keys('{meow}:delivered:*')).length === 0);
    expect(await queued()).toBe(left);
    await Promise.all(servers.map((server) => server.retire(100)));
    await until('all servers are gone', () => door.servers().length === 0);
  });
});
