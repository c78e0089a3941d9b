import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ask, exchange, type RawServer, startRaw } from '../../helpers/clients.ts';
import { type Fleet, type OpenDoor, startFleet, stateOf } from '../../helpers/door-fleet.ts';
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

const HEALTHY = 'HTTP/1.1 200 OK\r\nContent-Length: 28\r\n\r\n{"id":"aaaaaa","state":"up"}';

/** A door before one server that answers every request with these bytes, then does `after`. */
async function doorBefore(
  bytes: string,
  after: 'end' | 'reset' | 'stay' = 'stay',
  options: Parameters<Fleet['open']>[1] = {},
): Promise<OpenDoor & { raw: RawServer }> {
  const raw = await startRaw((socket, text) => {
    if (!text.endsWith('\r\n\r\n')) return;
    if (text.includes('/healthz')) return void socket.end(HEALTHY);
    socket.write(bytes, 'latin1', () => {
      if (after === 'end') socket.end();
      if (after === 'reset') socket.resetAndDestroy();
    });
  });
  raws.push(raw);
  await fleet.register({ id: 'aaaaaa', port: raw.port, url: `http://127.0.0.1:${raw.port}` });
  return { ...(await fleet.open(1, options)), raw };
}

const get = (port: number, path = '/') =>
  exchange(port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);

describe('an answer passes unchanged', () => {
  test('with a length', async () => {
    const { port } = await doorBefore('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc');
    expect(await ask(port)).toMatchObject({ status: 200, body: 'abc' });
  });

  test('chunked, with trailers, for a client that can take them', async () => {
    const { port } = await doorBefore(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 7\r\nContent-Length: 9\r\n\r\n'.replace(
        'Content-Length: 9\r\n',
        '',
      ),
    );
    expect(await ask(port)).toMatchObject({ body: 'abc', trailers: { 'x-sum': '7' } });
    const old = await exchange(port, 'GET / HTTP/1.0\r\nHost: a\r\n\r\n');
    expect(old).toMatch(/\r\n\r\nabc$/);
  });

  test('delimited by the end of the connection', async () => {
    const { port } = await doorBefore('HTTP/1.1 200 OK\r\n\r\nabc', 'end');
    expect(await ask(port)).toMatchObject({ status: 200, body: 'abc' });
  });

  test('to HEAD, with the length of what is not sent', async () => {
    const { port } = await doorBefore('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n');
    const answer = await ask(port, '/', { method: 'HEAD' });
    expect(answer).toMatchObject({ status: 200, body: '', headers: { 'content-length': '3' } });
  });

  test.each([204, 304])('with status %i and a length that means nothing', async (status) => {
    const { port } = await doorBefore(
      `HTTP/1.1 ${status} X\r\nContent-Length: 5\r\nETag: "x"\r\n\r\n`,
    );
    for (let again = 0; again < 3; again += 1) {
      expect(await ask(port)).toMatchObject({ status, body: '', headers: { etag: '"x"' } });
    }
  });

  test('with its own words for the status, and bytes beyond ASCII in its lines', async () => {
    const { port } = await doorBefore(
      'HTTP/1.1 200 Fine\r\nX-L: caf\xe9\r\nContent-Length: 0\r\n\r\n',
    );
    expect(await get(port)).toMatch(/^HTTP\/1\.1 200 Fine\r\nX-L: caf\xe9\r\n/);
  });

  test('when it is an error of the app, and the server stays in', async () => {
    const { port, door, raw } = await doorBefore('HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno');
    for (let again = 0; again < 5; again += 1) {
      expect(await ask(port)).toMatchObject({ status: 500, body: 'no' });
    }
    expect(raw.received().match(/GET \/ /g)).toHaveLength(5);
    expect(stateOf(door, 'aaaaaa')).toBe('usable');
  });

  test('but not the bytes behind it, which no other client ever sees', async () => {
    const { port } = await doorBefore(
      'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil',
    );
    const all = await Promise.all(Array.from({ length: 20 }, () => ask(port)));
    expect(new Set(all.map(({ body }) => body))).toEqual(new Set(['abc']));
  });

  test('event by event, as they come', async () => {
    let send: (text: string) => void = () => {};
    await fleet.serve('bbbbbb', (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      send = (text) => response.write(text);
      response.write('data: 1\n\n');
    });
    const { port } = await fleet.open(1);
    let rounds = 0;
    const text = await exchange(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', (all) => {
      if (all.includes('data: 1') && rounds === 0) {
        rounds = 1;
        send('data: 2\n\n');
      }
      return all.includes('data: 2');
    });
    expect(text).toContain('data: 2');
  });
});

describe('an answer that makes no sense is a 502, said once and not tried again', () => {
  test.each([
    ['garbage', 'garbage garbage\r\n\r\n'],
    ['bare line feeds', 'HTTP/1.1 200 OK\nX: y\nContent-Length: 0\n\n'],
    ['a NUL', 'HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n'],
    ['a bad length', 'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
    [
      'length and chunked',
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['an unknown coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: foo\r\n\r\n0\r\n\r\n'],
    [
      'chunked twice',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['status 099', 'HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n'],
    ['a 101 nobody asked for', 'HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'],
    ['a 101 to nothing', 'HTTP/1.1 101 X\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
    ['a 100 nobody asked for', 'HTTP/1.1 100 Continue\r\n\r\n'],
    ['a head of 20 KiB', `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`],
    ['a storm of 102', 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(200)],
    ['half a head', 'HTTP/1.1 200 OK\r\nX: '],
  ])('%s', async (name, bytes) => {
    const { port, raw } = await doorBefore(bytes, name === 'half a head' ? 'end' : 'stay');
    expect((await ask(port)).status).toBe(502);
    expect(raw.received().match(/GET \/ /g)).toHaveLength(1);
    await until('that connection is closed', () => raw.sockets.size === 0);
  });
});

describe('an answer that breaks off is visibly cut', () => {
  test.each([
    ['in a length, by an end', 'Content-Length: 100\r\n\r\nabc', 'end'],
    ['in a length, by a reset', 'Content-Length: 100\r\n\r\nabc', 'reset'],
    ['in chunks, by an end', 'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n', 'end'],
    ['in chunks, by a reset', 'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n', 'reset'],
  ] as const)('%s', async (_name, rest, how) => {
    const { port, raw } = await doorBefore(`HTTP/1.1 200 OK\r\n${rest}`, how);
    await expect(ask(port)).rejects.toThrow();
    expect(raw.received().match(/GET \/ /g)).toHaveLength(1);
  });
});

describe('a connection that breaks before the first byte', () => {
  const breaks = async () => {
    const raw = await startRaw((socket, text) => {
      if (text.endsWith('\r\n\r\n') && !text.includes('/healthz')) socket.destroy();
    });
    raws.push(raw);
    await fleet.register({ id: 'aaaaaa', port: raw.port, url: `http://127.0.0.1:${raw.port}` });
    await fleet.serve('bbbbbb');
    return raw;
  };

  test('is repeated on another server for a GET, once', async () => {
    await breaks();
    const { port } = await fleet.open(2);
    const all = [await ask(port), await ask(port)];
    expect(all.map(({ status, by }) => [status, by])).toEqual([
      [200, 'bbbbbb'],
      [200, 'bbbbbb'],
    ]);
  });

  test('is a 502 for a POST, which is never sent twice', async () => {
    const raw = await breaks();
    const { port } = await fleet.open(2);
    const all = [];
    for (let at = 0; at < 2; at += 1) all.push(await ask(port, '/', { method: 'POST' }));
    expect(all.map(({ status }) => status).sort()).toEqual([200, 502]);
    expect(raw.received().match(/POST \/ /g)).toHaveLength(1);
  });

  test('is a 502 for a GET too with --retry connect', async () => {
    await breaks();
    const { port } = await fleet.open(2, { retry: 'connect' });
    const all = [await ask(port), await ask(port)];
    expect(all.map(({ status }) => status).sort()).toEqual([200, 502]);
  });

  test('takes the server out after the third time', async () => {
    await breaks();
    const { port, door } = await fleet.open(2, { probeMs: 60_000 });
    for (let at = 0; at < 8; at += 1) await ask(port);
    expect(stateOf(door, 'aaaaaa')).toBe('out');
  });
});

describe('where time runs out', () => {
  test('a server that does not answer costs 504, without another try', async () => {
    const raw = await startRaw(() => {});
    raws.push(raw);
    await fleet.register({ id: 'aaaaaa', port: raw.port, url: `http://127.0.0.1:${raw.port}` });
    const { port } = await fleet.open(1, { responseHeaderMs: 300, doorWatchMs: 50 });
    expect((await ask(port)).status).toBe(504);
    await until('its connection is closed', () => raw.sockets.size === 0);
  });

  test('a body that stands still is cut, an event stream is not', async () => {
    const options = { bodyIdleMs: 300, doorWatchMs: 50 };
    const { port } = await doorBefore(
      'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc',
      'stay',
      options,
    );
    await expect(ask(port)).rejects.toThrow();
    await fleet.clear();
    const stream = await doorBefore(
      'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata\n\n',
      'stay',
      { ...options, streamIdleMs: 60_000 },
    );
    const started = performance.now();
    const ended = ask(stream.port).catch(() => performance.now() - started);
    await new Promise((resolve) => setTimeout(resolve, 700));
    await fleet.clear();
    expect(await ended).toBeGreaterThan(600);
  });

  test('a client that is slow with its head, or its body, gets 408; one that says nothing is closed', async () => {
    await fleet.serve('aaaaaa');
    const { port } = await fleet.open(1, {
      clientHeaderMs: 500,
      bodyIdleMs: 500,
      doorWatchMs: 50,
    });
    expect(await exchange(port, 'GET / HTTP/1.1\r\nHos')).toMatch(/^HTTP\/1\.1 408 /);
    expect(await exchange(port, '')).toMatch(/^(HTTP\/1\.1 408 |$)/);
    const half = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc';
    expect(await exchange(port, half)).toMatch(/^HTTP\/1\.1 408 /);
  });
});
