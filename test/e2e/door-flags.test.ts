import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSite, type Site } from '../helpers/cli.ts';
import { exchange } from '../helpers/clients.ts';
import { freePort } from '../helpers/redis.ts';
import { openStore, sampleRecord } from '../helpers/store.ts';
import { until } from '../helpers/until.ts';

const APP = `let held = null;
export default (request, response) => {
  if (request.url === '/silent') return;
  if (request.url === '/held') return void (held = response);
  if (request.url === '/release') held.end('held');
  if (request.url === '/stalls') return void response.writeHead(200, { 'content-length': 9 }).write('abc');
  if (request.url === '/events') {
    return void response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data\\n\\n');
  }
  request.resume().once('end', () => response.end('hello'));
};
`;
const LIMITS = [
  ...['--response-timeout', '2', '--idle-timeout', '1', '--stream-timeout', '2'],
  ...['--header-timeout', '1', '--request-timeout', '2'],
  ...['--keep-alive', '1', '--max-header', '2048', '--max-header-lines', '10'],
];

let site: Site;
let app: string;
let port: number;
let usual: number;
const isWell = (text: string) => text.startsWith('HTTP/1.1 200');

beforeAll(async () => {
  site = await openSite();
  app = join(site.home, 'app.mjs');
  writeFileSync(app, APP);
  [port, usual] = await Promise.all([openDoor(...LIMITS), openDoor()]);
  expect((await site.call(['spawn', '--app', app])).code).toBe(0);
  for (const door of [port, usual]) {
    await until('the door uses it', async () => isWell(await ask('/', door)));
  }
});
afterAll(() => site.close());

async function openDoor(...flags: string[]): Promise<number> {
  const at = await freePort();
  site.start(['proxy', '--port', String(at), '--no-admin', ...flags]);
  await until('the door listens', () =>
    exchange(at, 'GET / HTTP/1.0\r\nHost: a\r\n\r\n').then((text) => text !== ''),
  );
  return at;
}

/**
 * All that comes back until the door with the limits closes, and how long that took. A door with
 * the usual limits, all of them longer, is asked the same at the same time: it must be later.
 */
async function timed(bytes: string) {
  const startMs = performance.now();
  const later = exchange(usual, bytes).then(() => 'what the usual limits end');
  later.catch(() => {}); // it is cut when the site is closed
  const text = await Promise.race([exchange(port, bytes), later]);
  return { text, ms: performance.now() - startMs };
}

const head = (path: string, lines = '') => `GET ${path} HTTP/1.1\r\nHost: a\r\n${lines}\r\n`;
const ask = (path: string, at = port) => exchange(at, head(path, 'Connection: close\r\n'));

describe.concurrent('the door’s flag', () => {
  test('--response-timeout: a server that says nothing is 504', async () => {
    const { text } = await timed(head('/silent', 'Connection: close\r\n'));
    expect(text).toMatch(/^HTTP\/1\.1 504 /);
  });

  test('--idle-timeout: an answer that stands still is cut', async () => {
    const { text } = await timed(head('/stalls'));
    expect(text).toMatch(/abc$/);
  });

  test('--stream-timeout: so is an event stream, later', async () => {
    const { text, ms } = await timed(head('/events'));
    expect(text).toContain('data');
    expect(ms).toBeGreaterThan(1_500);
  });

  test('--header-timeout: a head that does not come is 408', async () => {
    const { text, ms } = await timed('GET / HTTP/1.1\r\nHo');
    expect([text.slice(0, 12), ms > 900]).toEqual(['HTTP/1.1 408', true]);
  });

  test('--request-timeout: a body that only trickles is 408', async () => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.on('data', (piece) => {
      text += piece;
    });
    socket.on('error', () => {});
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n');
    const drip = setInterval(() => socket.write('x'), 100);
    // The usual limit is longer than a test may take.
    await once(socket, 'close');
    clearInterval(drip);
    expect(text).toMatch(/^HTTP\/1\.1 408 /);
  });

  test('--keep-alive: an idle connection is closed', async () => {
    const { text, ms } = await timed(head('/'));
    expect([text.slice(0, 12), ms > 900]).toEqual(['HTTP/1.1 200', true]);
  });

  test.each([
    ['--max-header: a longer head', `X: ${'y'.repeat(3_000)}\r\n`],
    ['--max-header-lines: one of more lines', 'X: y\r\n'.repeat(10)],
  ])('%s is 431', async (_flag, lines) => {
    expect(await exchange(port, head('/', lines))).toMatch(/^HTTP\/1\.1 431 /);
  });

  test('--max-inflight: one request more than that is 503 at once', async () => {
    const narrow = await openDoor('--max-inflight', '1');
    await until('it uses the server', async () => isWell(await ask('/', narrow)));
    const held = ask('/held', narrow);
    const refused = await until('it is in flight', async () => {
      const text = await ask('/', narrow);
      return text.startsWith('HTTP/1.1 503') ? text : null;
    });
    expect(refused).toContain('Retry-After: 1');
    for (const { url } of await site.list()) await fetch(`${url}/release`);
    expect(await held).toMatch(/^HTTP\/1\.1 200 [\s\S]*held$/);
  });
});

test('the door’s flag --connect-timeout: a server that takes no connection is passed over', async () => {
  const patient = await openDoor('--connect-timeout', '2');
  await until('it uses the server', async () => isWell(await ask('/', patient)));
  const deaf = await startDeaf();
  const store = await openStore(site.redis.url);
  const record = sampleRecord({ id: 'deaf22', port: deaf.port });
  await store.registry.register({ ...record, url: `http://127.0.0.1:${deaf.port}` }, null);
  await until('it was asked', async () => {
    const startMs = performance.now();
    expect(await ask('/', patient)).toMatch(/^HTTP\/1\.1 200 /);
    // Longer than the usual limit.
    return performance.now() - startMs > 1_800;
  });
  await store.registry.forget('deaf22');
  await store.close();
  deaf.stop();
});

/** A listener that is stopped, with its queue full: a connection to it is never answered. */
async function startDeaf() {
  const text = `const server = require('node:net').createServer();
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(server.address().port));`;
  const child: ChildProcess = spawn(process.execPath, ['-e', text], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  const at = Number(String(line).trim());
  child.kill('SIGSTOP');
  const waiting = Array.from({ length: 4 }, () => connect(at, '127.0.0.1').on('error', () => {}));
  return {
    port: at,
    stop() {
      for (const socket of waiting) socket.destroy();
      child.kill('SIGKILL');
    },
  };
}

test('the door’s flag --access-log: a line per request, with the time of day where the door runs', async () => {
  const at = await freePort();
  const flags = ['--port', String(at), '--no-admin', '--access-log'];
  const child = site.start(['proxy', ...flags], { env: { TZ: 'Asia/Kolkata' } });
  let said = '';
  child.stdout?.on('data', (piece) => {
    said += piece;
  });
  const startMs = Date.now();
  await until('it is said', async () => {
    await ask('/seen', at).catch(() => {});
    return said.includes('GET /seen');
  });
  const [, time = ''] = /^(\d\d:\d\d:\d\d\.\d{3})\+05:30 GET \/seen /m.exec(said) ?? [];
  const day = (ms: number) => new Date(ms + 330 * 60_000).toISOString().slice(0, 10);
  const saidMs = [startMs, Date.now()].map((ms) => Date.parse(`${day(ms)}T${time}+05:30`));
  expect(saidMs.some((ms) => ms >= startMs && ms <= Date.now())).toBe(true);
});
