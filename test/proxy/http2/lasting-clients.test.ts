import { rmSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { certificateFolder, makeCertificate } from '../../helpers/certificates.ts';
import { startRaw } from '../../helpers/clients.ts';
import { type Fleet, type OpenDoor, startFleet } from '../../helpers/door-fleet.ts';
import {
  codeIn,
  dial,
  END_HEADERS,
  frame,
  headersOf,
  outcomeOf,
  PREFACE,
  type RawClient,
  type,
  word,
} from '../../helpers/http2-frames.ts';
import { until } from '../../helpers/until.ts';

/*
 * Clients of HTTP/2 that stay, and what they hold by it: RFC 9113 §10.5. Each test waits for the door to
 * be free of them.
 */

let fleet: Fleet;
const folder = certificateFolder();
const certificates = [makeCertificate(folder, ['localhost'])];
beforeAll(async () => {
  fleet = await startFleet();
});
afterEach(() => fleet.clear());
afterAll(async () => {
  await fleet.stop();
  rmSync(folder, { recursive: true });
});

const open = (count: number, options: Parameters<Fleet['open']>[1] = {}) =>
  fleet.open(count, { doorWatchMs: 50, ...options }, null, { certificates, hstsSeconds: null });

const GET = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', 'a'],
  [':path', '/x'],
] as const;
const POST = [[':method', 'POST'], ...GET.slice(1)] as const;

const RESET_WITHOUT_ERROR = word(0);
/** SETTINGS_INITIAL_WINDOW_SIZE: nothing of an answer may be sent. */
const NO_WINDOW = frame(type.settings, 0, 0, Buffer.concat([Buffer.from([0, 4]), word(0)]));

async function raw({ port }: OpenDoor, ...first: Buffer[]): Promise<RawClient> {
  const client = await dial(port, Buffer.concat([PREFACE, ...first]));
  onTestFinished(() => void client.socket.destroy());
  return client;
}

const goaways = ({ frames }: RawClient) =>
  frames.filter(({ kind }) => kind === type.goaway).map(codeIn);
const resets = ({ frames }: RawClient) =>
  frames.filter(({ kind }) => kind === type.reset).map(codeIn);

/** Nothing of any client is left: no connection, no request at a server. */
async function free({ door }: OpenDoor): Promise<void> {
  await until('nothing is in flight', () => door.servers().every(({ inflight }) => inflight === 0));
  await until('no client is left', () => door.figures.snapshot().clients.open === 0);
}

/** A server that takes the head of a request, and nothing of its body. */
async function deaf(id: string): Promise<void> {
  const server = await startRaw((socket, text) => {
    if (!text.startsWith('GET /healthz')) return void socket.pause();
    const body = JSON.stringify({ id, state: 'up' });
    socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  });
  onTestFinished(() => server.stop());
  await fleet.register({ id, port: server.port, url: `http://127.0.0.1:${server.port}` });
}

const WINDOW = 65_535;
const PIECE = 8_192;
const LOOKS = 20;

/** Sends a body for as long as the door makes room for more of it. */
async function fill({ socket, frames }: RawClient): Promise<void> {
  let [sent, looks] = [0, 0];
  const room = (of: number) =>
    frames
      .filter(({ kind, stream }) => kind === type.window && stream === of)
      .reduce((sum, { payload }) => sum + payload.readUInt32BE(), WINDOW);
  await until('its server takes no more', () => {
    looks += 1;
    for (; sent + PIECE < Math.min(room(0), room(1)); sent += PIECE) {
      socket.write(frame(type.data, 0, 1, Buffer.alloc(PIECE)));
      looks = 0;
    }
    return looks > LOOKS;
  });
}

describe('a stream that its client resets without an error', () => {
  test('while its body waits for a server that takes none of it is over', async () => {
    await deaf('aaaaaa');
    const opened = await open(1, { clientKeepAliveMs: 300 });
    const client = await raw(opened, headersOf(1, POST, END_HEADERS));
    await fill(client);
    expect(opened.door.servers()[0]?.inflight).toBe(1);
    client.socket.write(frame(type.reset, 0, 1, RESET_WITHOUT_ERROR));
    await free(opened);
    expect(opened.answers).toMatchObject([{ status: 499, trouble: 'the client left' }]);
  });

  test('before a server was found for it is over', async () => {
    const opened = await open(0, { starting: true, clientKeepAliveMs: 300 });
    const client = await raw(opened, headersOf(1, POST, END_HEADERS), frame(type.data, 0, 1, 'a'));
    client.socket.write(frame(type.reset, 0, 1, RESET_WITHOUT_ERROR));
    await free(opened);
    expect(opened.answers).toMatchObject([{ status: 499, trouble: 'the client left' }]);
  });

  test.each([
    ['has come', GET, 5],
    ['has come', GET, 100_000],
    ['has not come', POST, 5],
    ['has not come', POST, 100_000],
  ])(
    'whose body %s, and of whose answer it takes nothing, is over: %j, %i bytes',
    async (_body, head, size) => {
      await fleet.serve('aaaaaa', (_request, response) => response.end(Buffer.alloc(size)));
      const opened = await open(1, { clientKeepAliveMs: 300 });
      const flags = head === GET ? END_HEADERS | 1 : END_HEADERS;
      const body = head === GET ? [] : [frame(type.data, 0, 1, 'a')];
      const client = await raw(opened, NO_WINDOW, headersOf(1, head, flags), ...body);
      await until('the answer begins', () => outcomeOf(client.frames).status === 200);
      client.socket.write(frame(type.reset, 0, 1, RESET_WITHOUT_ERROR));
      await free(opened);
      expect(opened.answers).toMatchObject([{ status: 200 }]);
    },
  );
});

describe('a client that asks for nothing more', () => {
  test('is let go, whatever else it sends: pings, settings, windows, priorities', async () => {
    await fleet.serve('aaaaaa');
    const opened = await open(1, { clientKeepAliveMs: 500 });
    const client = await raw(opened, headersOf(1, GET));
    const idle = [
      frame(type.ping, 0, 0, '12345678'),
      frame(type.window, 0, 0, word(1)),
      frame(type.priority, 0, 3, Buffer.concat([word(0), Buffer.from([1])])),
      frame(type.settings, 0, 0),
    ];
    let sent = 0;
    const more = setInterval(() => client.socket.write(idle[sent++ % 4] ?? ''), 100);
    onTestFinished(() => clearInterval(more));
    await until('it is told to go', () => goaways(client).length > 0);
    expect(goaways(client)).toEqual(['NO_ERROR']);
    await free(opened);
  });

  test('is let go behind an answer that took longer than it may wait', async () => {
    let answer = () => {};
    await fleet.serve('aaaaaa', (_request, response) => {
      answer = () => response.end('late');
    });
    const opened = await open(1, { clientKeepAliveMs: 200 });
    const client = await raw(opened, headersOf(1, GET));
    await until('it waits', () => opened.door.servers()[0]?.inflight === 1);
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(goaways(client)).toEqual([]);
    answer();
    await free(opened);
    expect(outcomeOf(client.frames)).toMatchObject({ status: 200, body: 'late' });
  });

  test('and does not hear that it is to go is cut', async () => {
    await fleet.serve('aaaaaa');
    const opened = await open(1, { clientKeepAliveMs: 300, lingerMs: 300 });
    const client = await raw(opened, headersOf(1, GET));
    await until('it has its answer', () => outcomeOf(client.frames).ended);
    client.socket.pause();
    await free(opened);
  });

  test('and begins a head that never ends is let go', async () => {
    const opened = await open(0, { clientHeaderMs: 300, lingerMs: 300 });
    await raw(opened, headersOf(1, GET, 0));
    await free(opened);
  });
});

describe('a client that broke a rule, and stays', () => {
  test.each([
    ['before it asks for anything', []],
    ['in a request that is not over', [headersOf(1, POST, END_HEADERS)]],
  ])('is cut: %s', async (_when, sent) => {
    await fleet.serve('aaaaaa', () => {});
    const limits = { clientHeaderMs: 300, clientKeepAliveMs: 300, lingerMs: 300, bodyIdleMs: 500 };
    const opened = await open(1, limits);
    const client = await raw(opened, ...sent, frame(type.data, 0, 1, 'a'.repeat(20_000)));
    client.socket.allowHalfOpen = true;
    await until('it is told', () => goaways(client).length > 0);
    expect(goaways(client)).toEqual(['FRAME_SIZE_ERROR']);
    await free(opened);
  });
});

describe('answers of which a client takes nothing', () => {
  const heads = Array.from({ length: 100 }, (_, at) => headersOf(2 * at + 1, GET));

  test.each([5, 100_000, 1_000_000])(
    'a hundred of %i bytes, are cut after the time that a body may stand still',
    async (size) => {
      await fleet.serve('aaaaaa', (_request, response) => response.end(Buffer.alloc(size)));
      const opened = await open(1, { bodyIdleMs: 500, clientKeepAliveMs: 300 });
      const client = await raw(opened, NO_WINDOW, ...heads);
      await free(opened);
      expect(resets(client)).toEqual(Array(100).fill('INTERNAL_ERROR'));
      expect(opened.answers).toHaveLength(100);
      for (const answered of opened.answers) {
        expect(answered).toMatchObject({ status: 200, trouble: 'the client reads no more' });
      }
    },
  );

  test('of the door itself are cut too', async () => {
    const opened = await open(0, { bodyIdleMs: 500, clientKeepAliveMs: 300 });
    const client = await raw(opened, NO_WINDOW, ...heads);
    await free(opened);
    expect(resets(client)).toEqual(Array(100).fill('INTERNAL_ERROR'));
  });

  test('are taken late, in time, as a whole', async () => {
    await fleet.serve('aaaaaa', (_request, response) => response.end('a'.repeat(30_000)));
    const opened = await open(1, { bodyIdleMs: 60_000 });
    const client = await raw(opened, NO_WINDOW, headersOf(1, GET));
    await until('it begins', () => outcomeOf(client.frames).status === 200);
    client.socket.write(frame(type.window, 0, 1, word(10_000)));
    await until('a part is there', () => outcomeOf(client.frames).body.length === 10_000);
    client.socket.write(frame(type.window, 0, 1, word(20_000)));
    await until('all is there', () => outcomeOf(client.frames).ended);
    expect(outcomeOf(client.frames).body).toBe('a'.repeat(30_000));
    await until('it is told', () => opened.answers.length === 1);
    expect(opened.answers[0]).toMatchObject({ status: 200, trouble: null });
  });
});
