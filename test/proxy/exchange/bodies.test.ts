import { request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ask, exchange, startRaw } from '../../helpers/clients.ts';
import { type Fleet, startFleet } from '../../helpers/door-fleet.ts';
import { until } from '../../helpers/until.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet();
});
afterEach(() => fleet.clear());
afterAll(() => fleet.stop());

const MEGABYTE = 1_024 * 1_024;

test('bodies pass both ways, byte for byte, with a length and chunked', async () => {
  await fleet.serve('aaaaaa', (incoming, response) => incoming.pipe(response));
  const { port } = await fleet.open(1);
  const body = Array.from({ length: 300_000 }, (_, at) => String.fromCharCode(32 + (at % 90))).join(
    '',
  );
  const headers = { 'content-length': body.length };
  expect((await ask(port, '/', { method: 'POST', body, headers })).body === body).toBe(true);
  const chunked = { 'transfer-encoding': 'chunked' };
  expect((await ask(port, '/', { method: 'PUT', body, headers: chunked })).body === body).toBe(
    true,
  );
});

test('a client that leaves while it waits ends its request at the server, counted as 499', async () => {
  let ended = false;
  const server = await fleet.serve('aaaaaa', (_request, response) => {
    response.once('close', () => {
      ended = true;
    });
  });
  const { port, answers } = await fleet.open(1);
  const socket = connect(port, '127.0.0.1', () =>
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'),
  );
  await until('the server has it', () => server.seen.length === 1);
  socket.destroy();
  await until('the server sees the end', () => ended);
  await until('it is told', () => answers.at(-1)?.status === 499);
});

test('a client that leaves in mid-upload ends its request at the server', async () => {
  let aborted = false;
  const server = await fleet.serve('aaaaaa', (incoming) => {
    incoming.resume().once('error', () => {
      aborted = true;
    });
  });
  const { port } = await fleet.open(1);
  const socket = connect(port, '127.0.0.1', () =>
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc'),
  );
  await until('the server has it', () => server.seen.length === 1);
  socket.destroy();
  await until('the server sees the end', () => aborted);
});

describe('a client that reads slowly', () => {
  // As a retiring server does. Its end comes while the client is not reading.
  test.each(['an end', 'a reset'])('is no danger when its server closes with %s', async (how) => {
    let reset: () => void = () => {};
    const raw = await startRaw((socket, text) => {
      if (!text.endsWith('\r\n\r\n') || text.includes('/healthz')) return;
      socket.write('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n');
      socket.write(Buffer.alloc(40 * MEGABYTE), () => {});
      reset = () => socket.resetAndDestroy();
      if (how === 'an end') socket.end();
    });
    await fleet.register({ id: 'aaaaaa', port: raw.port, url: `http://127.0.0.1:${raw.port}` });
    const { port } = await fleet.open(1);
    let got = 0;
    const client = connect(port, '127.0.0.1', () =>
      client.write('GET / HTTP/1.0\r\nHost: a\r\n\r\n'),
    );
    client.on('error', () => {});
    const closed = new Promise((resolve) => client.once('close', resolve));
    client.once('data', () => client.pause());
    await until('it has begun', () => client.isPaused());
    await new Promise((resolve) => setTimeout(resolve, 300));
    if (how === 'a reset') reset();
    client.on('data', (piece) => {
      got += piece.length;
    });
    client.resume();
    await closed;
    if (how === 'an end') expect(got).toBeGreaterThan(39 * MEGABYTE);
    else expect(got).toBeLessThan(40 * MEGABYTE);
    await raw.stop();
  });

  test('slows its server down instead of filling the door', async () => {
    let sent = 0;
    await fleet.serve('aaaaaa', (_request, response) => {
      const piece = Buffer.alloc(64 * 1_024);
      const more = () => {
        while (sent < 200 * MEGABYTE) {
          sent += piece.length;
          if (!response.write(piece)) return response.once('drain', more);
        }
        response.end();
      };
      more();
    });
    const { port } = await fleet.open(1);
    const socket = connect(port, '127.0.0.1', () =>
      socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'),
    );
    socket.pause();
    let before = -1;
    await until('the server stands still', async () => {
      await new Promise((resolve) => setTimeout(resolve, 200));
      const still = sent > 0 && sent === before;
      before = sent;
      return still;
    });
    expect(sent).toBeLessThan(30 * MEGABYTE);
    socket.resume();
    await until('it all came through', () => sent >= 200 * MEGABYTE);
    socket.destroy();
  });
});

test('a server that reads slowly slows the client down', async () => {
  await fleet.serve('aaaaaa', (incoming) => incoming.pause());
  const { port } = await fleet.open(1);
  let sent = 0;
  const upload = request({ host: '127.0.0.1', port, method: 'POST', agent: false });
  upload.on('error', () => {});
  const piece = Buffer.alloc(64 * 1_024);
  const more = () => {
    while (sent < 100 * MEGABYTE) {
      sent += piece.length;
      if (!upload.write(piece)) return upload.once('drain', more);
    }
  };
  more();
  let before = -1;
  await until('the client stands still', async () => {
    await new Promise((resolve) => setTimeout(resolve, 200));
    const still = sent === before;
    before = sent;
    return still;
  });
  expect(sent).toBeLessThan(30 * MEGABYTE);
  upload.destroy();
});

test('a refusal that comes before the body is read reaches the client whole', async () => {
  await fleet.serve('aaaaaa', (_request, response) => {
    response.writeHead(413, { connection: 'close' }).end('too large');
  });
  const { port } = await fleet.open(1);
  for (let at = 0; at < 10; at += 1) {
    const answer = await ask(port, '/', { method: 'POST', body: 'x'.repeat(3 * MEGABYTE) });
    expect([answer.status, answer.body]).toEqual([413, 'too large']);
  }
});

describe('Expect: 100-continue', () => {
  const upload = (port: number, body: string) =>
    new Promise<{ status: number; continued: boolean; text: string }>((resolve, reject) => {
      let continued = false;
      const headers = { expect: '100-continue', 'content-length': body.length };
      const outgoing = request({ host: '127.0.0.1', port, method: 'POST', headers, agent: false });
      outgoing.on('continue', () => {
        continued = true;
        outgoing.end(body);
      });
      outgoing.on('response', (answer) => {
        let text = '';
        answer.setEncoding('latin1').on('data', (piece: string) => {
          text += piece;
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, continued, text }));
      });
      outgoing.on('error', reject);
      outgoing.flushHeaders();
    });

  test('waits for the server’s word, then sends the body', async () => {
    await fleet.serve('aaaaaa', (incoming, response) => incoming.pipe(response));
    const { port } = await fleet.open(1);
    const body = 'x'.repeat(2 * MEGABYTE);
    const answer = await upload(port, body);
    expect([answer.status, answer.continued, answer.text === body]).toEqual([200, true, true]);
  });

  test('frames a body by what the lines are called, not by what they say', async () => {
    await fleet.serve('aaaaaa', (incoming, response) => incoming.pipe(response));
    const { port } = await fleet.open(1);
    const head = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Said: content-length\r\n';
    const body = 'Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ncats\r\n0\r\n\r\n';
    const text = await exchange(port, head + body);
    expect(text).toMatch(/\r\n\r\n(?:4\r\n)?cats/);
  });

  test('brings the server’s refusal before a byte of the body is asked for', async () => {
    const raw = await startRaw((socket, text) => {
      if (text.startsWith('POST') && text.includes('\r\n\r\n')) {
        socket.end('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno');
      }
    });
    await fleet.register({ id: 'aaaaaa', port: raw.port, url: `http://127.0.0.1:${raw.port}` });
    const { port } = await fleet.open(1);
    const answer = await upload(port, 'x'.repeat(MEGABYTE));
    expect(answer).toEqual({ status: 413, continued: false, text: 'no' });
    expect(raw.received()).not.toContain('xxx');
    await raw.stop();
  });

  test('gets through a server that refuses connections', async () => {
    const dead = await fleet.serve('aaaaaa');
    await fleet.serve('bbbbbb');
    const { port } = await fleet.open(2);
    await dead.die();
    expect([(await upload(port, 'x')).status, (await upload(port, 'x')).status]).toEqual([
      200, 200,
    ]);
  });
});

test('a request to upgrade to h2c is served as a plain one', async () => {
  await fleet.serve('aaaaaa');
  const { port } = await fleet.open(1);
  const text = await exchange(
    port,
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAM\r\n\r\n',
    (heard) => heard.includes('hello'),
  );
  expect(text).toMatch(/^HTTP\/1\.1 200 OK/);
  expect(text).toContain('hello');
});
