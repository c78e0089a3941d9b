import { Agent, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest';
import type { EngineDoor } from '../../../src/engine/engine-door.ts';
import { LogReader } from '../../../src/engine/requests/log-reader.ts';
import { accessLine } from '../../../src/proxy/access-log.ts';
import type { Answered } from '../../../src/proxy/exchange/context.ts';
import { ask, exchange } from '../../helpers/clients.ts';
import { type Fleet, startFleet } from '../../helpers/door-fleet.ts';
import { type EngineSite, openEngineSite, used } from '../../helpers/engine-site.ts';
import { hearing } from '../../helpers/haproxy-log.ts';
import { needs, testWith } from '../../helpers/needs.ts';
import { until } from '../../helpers/until.ts';

/* What HAProxy tells of single requests, and what becomes of it. Pictures: pictures.test.ts. */

const LONG = { responseHeaderMs: 600_000, threads: 2 };
const FLOOD = 1_600;
const LINE = 'z'.repeat(1_000);
let fleet: Fleet;
let site: EngineSite;
let door: EngineDoor;
let port: number;
const answers: Answered[] = [];
const onAnswer = (answered: Answered) => void answers.push(answered);

const onHaproxy = (name: string, run: () => unknown) => testWith(needs.haproxy, name, run);
const pathsOf = (all: readonly Answered[]) => all.map(({ path }) => path);

beforeAll(async () => {
  if (!needs.haproxy.isHere()) return;
  fleet = await startFleet();
  site = await openEngineSite(fleet);
  port = site.port;
  door = await site.create({ ...LONG, accessLog: true }, { onAnswer });
  await door.open();
});
afterEach(async () => {
  await fleet?.clear();
  await until('all servers are gone', () => (door?.servers().length ?? 0) === 0);
  answers.length = 0;
});
afterAll(async () => {
  await site?.close();
  await fleet?.stop();
});

async function serve(id: string, app?: Parameters<Fleet['serve']>[1]) {
  const server = await fleet.serve(id, app);
  await used(door, id);
  return server;
}

const noteOf = (path: string) => door.requests.find({}).find((note) => note.path === path);

describe('a client of HAProxy that leaves', () => {
  const ways = ['resetAndDestroy', 'destroy'] as const;

  onHaproxy('ends its request at the server, and is written down as one that left', async () => {
    let ended = 0;
    const server = await serve('aaaaaa', (request, response) => {
      request.resume();
      response.once('close', () => {
        ended += 1;
      });
    });
    for (const [at, leaveBy] of ways.entries()) {
      const socket = await asking('POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab');
      await until('the server has it', () => server.seen.length === at + 1);
      socket[leaveBy]();
      await until('it is ended', () => ended === at + 1);
    }
    await until('both are told', () => answers.length === 2);
    for (const { status, server: by, trouble, tried } of answers)
      expect([status, by, trouble, tried]).toEqual([499, null, 'the client left', ['aaaaaa']]);
    expect(noteOf('/slow')).toBeUndefined(); // its own affair
  });
});

function asking(text: string): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(text);
      resolve(socket);
    });
    socket.on('error', () => {}).resume();
  });
}

const breakOff = (request: IncomingMessage) => request.socket.destroy();

describe('a request through HAProxy', () => {
  onHaproxy('is one line of the access log, with its server, status and duration', async () => {
    await serve('aaaaaa');
    const before = Date.now();
    await ask(port, '/a%2fb?c="');
    await ask(port, '/trace', { method: 'TRACE' });
    await until('both are told', () => answers.length === 2);
    const [first, refused] = answers;
    expect(first).toMatchObject({
      ...{ method: 'GET', path: '/a%2fb?c="', server: 'aaaaaa', status: 200, trouble: null },
      tried: ['aaaaaa'],
    });
    expect(first?.at).toBeGreaterThan(before - 2);
    expect(first?.at).toBeLessThanOrEqual(Date.now());
    expect(first && accessLine(first)).toMatch(/^\S+ GET \/a%2fb\?c=" aaaaaa 200 \d+(\.\d)?ms$/);
    expect(refused).toMatchObject({ method: 'TRACE', server: null, status: 405, tried: [] });
    expect(door.requests.find({})).toEqual([]);
  });

  onHaproxy('that failed is remembered under its id, with the server it failed at', async () => {
    await serve('aaaaaa', breakOff);
    const { status } = await ask(port, '/posted', {
      ...{ method: 'POST', body: 'x', headers: { 'x-request-id': 'mine-1' } },
    });
    expect(status).toBe(502);
    await until('it is remembered', () => noteOf('/posted'));
    expect(door.requests.find({ id: 'mine-1' })).toEqual([
      expect.objectContaining({
        ...{ method: 'POST', status: 502, server: null, tried: ['aaaaaa'] },
        failures: [{ server: 'aaaaaa', why: 'the connection broke before an answer came' }],
      }),
    ]);
    expect(door.requests.find({ server: 'aaaaaa' })).toHaveLength(1);
  });

  onHaproxy('that was tried again is remembered with the server that answered', async () => {
    await serve('aaaaaa', breakOff);
    await serve('bbbbbb');
    const replies = [await ask(port, '/again'), await ask(port, '/again')];
    expect(replies.map(({ by }) => by)).toEqual(['bbbbbb', 'bbbbbb']);
    await until('it is remembered', () => noteOf('/again'));
    expect(noteOf('/again')).toMatchObject({
      ...{ status: 200, server: 'bbbbbb', tried: ['bbbbbb'], trouble: null },
      failures: [{ server: 'a server', why: 'HAProxy does not tell which one, nor how' }],
    });
    const lines = answers.map(accessLine);
    expect(lines).toContainEqual(
      expect.stringMatching(/GET \/again bbbbbb 200 .* tried \? bbbbbb$/),
    );
  });

  onHaproxy('whose answer breaks off is remembered as cut', async () => {
    await serve('aaaaaa', (request, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('begun');
      setImmediate(() => request.socket.destroy());
    });
    await ask(port, '/cut').catch(() => {});
    await until('it is remembered', () => noteOf('/cut'));
    expect(noteOf('/cut')).toMatchObject({
      ...{ status: 200, server: 'aaaaaa', trouble: 'the server broke off its answer' },
      failures: [],
    });
  });

  onHaproxy('of any bytes, at any rate, is one line at most, and hurts nobody', async () => {
    await serve('aaaaaa');
    const long = 'y'.repeat(8_000);
    const targets = [
      ...['/%', '/%zz', "/'", '/"', '/#', '/{}|\\^`', `/${long}`, '/?a b', '/;\t', '/\x01\x7f'],
      ...['/\u00e9\u00ff', '/%0a%0d', '/81 7 1795980024606 0 7 25 200 -- 0 a b c GET /meow'],
    ];
    for (const target of targets)
      await exchange(port, `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    for (const bytes of ['\x16\x03\x01\x02', '\0\0\r\n\r\n', 'GET / HTTP/1.1\r\n\r\n\r\n'])
      await exchange(port, `${bytes}${'\r\n\r\n'}`, () => true);
    const odd = 'M#T!$%&*+-.^_`|~';
    await exchange(port, `${odd} / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    const half = Array.from({ length: 200 }, (_, at) => ask(port, `/flood-${at}?${long}`));
    expect((await Promise.all(half)).every(({ status }) => status === 200)).toBe(true);
    await ask(port, '/last');
    await until('the last is told', () => pathsOf(answers).includes('/last'));
    const flood = answers.filter(({ path }) => path.startsWith('/flood-'));
    expect(flood).toHaveLength(200);
    for (const each of answers) expect(accessLine(each)).toMatch(/^[^\0-\x1f\x7f]+$/);
    expect(answers.filter(({ path }) => path.startsWith(`/${long.slice(0, 500)}`))).toHaveLength(1);
    expect(pathsOf(answers)).toEqual(expect.arrayContaining(['/%', "/'", '/"']));
    expect(answers.length).toBeLessThanOrEqual(200 + targets.length + 6);
    expect(site.said).toEqual([]);
  });
});

describe('the log of HAProxy', () => {
  onHaproxy('is read again after an end, and what was missed then is told, once', async () => {
    await serve('aaaaaa');
    const heard = hearing(0);
    const limits = { engineWatchMs: 20, engineCommandMs: 60_000 };
    const reader = new LogReader(site.files.socket, (text) => heard.log.take(text), limits);
    const told = (path: string) => pathsOf(heard.answers).filter((one) => one === path).length;
    await ask(port, '/before');
    reader.start();
    await until('it is told', () => told('/before') === 1);
    reader.close();
    await ask(port, '/missed');
    reader.start();
    await ask(port, '/after');
    await until('it is told', () => told('/after') === 1);
    expect([told('/before'), told('/missed'), told('/after')]).toEqual([1, 1, 1]);
    reader.close();
  });

  onHaproxy('holds nobody up while its reader hangs, and goes on with it afterwards', async () => {
    await serve('aaaaaa');
    const hangs = connect(site.files.socket, () => hangs.write('show events requests -w\n'));
    await new Promise((resolve) => hangs.once('data', resolve));
    hangs.pause();
    // More than HAProxy and a socket keep.
    const agent = new Agent({ keepAlive: true, maxSockets: 20 });
    const asked = Array.from({ length: FLOOD }, (_, at) => ask(port, `/${at}-${LINE}`, { agent }));
    expect((await Promise.all(asked)).every(({ status }) => status === 200)).toBe(true);
    let text = '';
    hangs.on('data', (piece) => {
      text += String(piece);
    });
    hangs.resume();
    await until('it goes on', async () => {
      await ask(port, '/resumed', { agent });
      return text.includes('/resumed') && pathsOf(answers).includes('/resumed');
    });
    agent.destroy();
    hangs.destroy();
  });

  onHaproxy('goes on when HAProxy is killed, is loaded anew, and is taken over', async () => {
    await serve('aaaaaa', (request, response) => {
      if (request.method === 'POST') request.socket.destroy();
      else response.end();
    });
    const told = (path: string) => pathsOf(answers).filter((one) => one === path).length;
    process.kill(await site.worker(), 'SIGKILL');
    await until('it is back', () =>
      ask(port, '/killed').then(
        ({ status }) => status === 200,
        () => false,
      ),
    );
    await until('it is told', () => told('/killed') > 0);
    await ask(port, '/failed', { method: 'POST', body: 'x' });
    await until('it is told', () => told('/failed') === 1);
    await site.abandon(door);
    const later: Answered[] = [];
    door = await site.create({ ...LONG, accessLog: true }, { onAnswer: (one) => later.push(one) });
    await door.open();
    await until('the next door remembers it', () => noteOf('/failed'));
    expect(later).toEqual([]);
    await site.abandon(door);
    door = await site.create({ ...LONG, accessLog: true, maxInflight: 9 }, { onAnswer });
    await door.open();
    await used(door, 'aaaaaa');
    await ask(port, '/anew');
    await until('it is told', () => told('/anew') === 1);
    expect(told('/failed')).toBe(1);
  });
});
