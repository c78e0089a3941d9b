import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSite, type Site } from '../helpers/cli.ts';
import { freePort } from '../helpers/redis.ts';
import { openStore, sampleRecord } from '../helpers/store.ts';
import { until } from '../helpers/until.ts';
import { exchange } from '../proxy/clients.ts';

const APP = `export default (request, response) => {
  if (request.url === '/silent') return;
  if (request.url === '/held') return void setTimeout(() => response.end('held'), 1_500);
  if (request.url === '/stalls') return void response.writeHead(200, { 'content-length': 9 }).write('abc');
  if (request.url === '/events') {
    return void response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data\\n\\n');
  }
  request.resume().once('end', () => response.end('hello'));
};
`;
const LIMITS = [
  ...['--connect-timeout', '0.3', '--response-timeout', '0.4', '--idle-timeout', '0.5'],
  ...['--stream-timeout', '1', '--header-timeout', '1', '--request-timeout', '2'],
  ...['--keep-alive', '1', '--max-header', '2048', '--max-header-lines', '10'],
];

let site: Site;
let app: string;
let port: number;

beforeAll(async () => {
  site = await openSite();
  app = join(site.home, 'app.mjs');
  writeFileSync(app, APP);
  port = await openDoor(...LIMITS);
  expect((await site.run(['spawn', '--app', app])).code).toBe(0);
  await until('the door uses it', async () => (await ask('/')).startsWith('HTTP/1.1 200'));
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

/** All that comes back until the door closes, and how long that took. */
async function timed(bytes: string) {
  const startMs = performance.now();
  const text = await exchange(port, bytes);
  return { text, ms: performance.now() - startMs };
}

const head = (path: string, lines = '') => `GET ${path} HTTP/1.1\r\nHost: a\r\n${lines}\r\n`;
const ask = (path: string) => exchange(port, head(path, 'Connection: close\r\n'));

describe('the door’s flag', () => {
  test('--response-timeout: a server that says nothing is 504', async () => {
    const { text, ms } = await timed(head('/silent', 'Connection: close\r\n'));
    expect([text.slice(0, 12), ms < 2_000]).toEqual(['HTTP/1.1 504', true]);
  });

  test('--idle-timeout: an answer that stands still is cut', async () => {
    const { text, ms } = await timed(head('/stalls'));
    expect([text.endsWith('abc'), ms < 2_000]).toEqual([true, true]);
  });

  test('--stream-timeout: so is an event stream, later', async () => {
    const { text, ms } = await timed(head('/events'));
    expect(text).toContain('data');
    expect(ms).toBeGreaterThan(900);
    expect(ms).toBeLessThan(3_000);
  });

  test('--header-timeout: a head that does not come is 408', async () => {
    const { text, ms } = await timed('GET / HTTP/1.1\r\nHo');
    expect([text.slice(0, 12), ms > 900, ms < 3_500]).toEqual(['HTTP/1.1 408', true, true]);
  });

  test('--request-timeout: a body that only trickles is 408', async () => {
    const startMs = performance.now();
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.on('data', (piece) => {
      text += piece;
    });
    socket.on('error', () => {});
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n');
    const drip = setInterval(() => socket.write('x'), 100);
    await once(socket, 'close');
    clearInterval(drip);
    expect(text).toMatch(/^HTTP\/1\.1 408 /);
    expect(performance.now() - startMs).toBeLessThan(4_500);
  });

  test('--keep-alive: an idle connection is closed', async () => {
    const { text, ms } = await timed(head('/'));
    expect([text.slice(0, 12), ms > 900, ms < 4_000]).toEqual(['HTTP/1.1 200', true, true]);
  });

  test.each([
    ['--max-header: a longer head', `X: ${'y'.repeat(3_000)}\r\n`],
    ['--max-header-lines: one of more lines', 'X: y\r\n'.repeat(10)],
  ])('%s is 431', async (_flag, lines) => {
    expect((await timed(head('/', lines))).text).toMatch(/^HTTP\/1\.1 431 /);
  });

  test('--max-inflight: one request more than that is 503 at once', async () => {
    const narrow = await openDoor('--max-inflight', '1');
    await until('it uses the server', async () =>
      (await exchange(narrow, head('/', 'Connection: close\r\n'))).startsWith('HTTP/1.1 200'),
    );
    const held = exchange(narrow, head('/held', 'Connection: close\r\n'));
    const refused = await until('it is in flight', async () => {
      const text = await exchange(narrow, head('/', 'Connection: close\r\n'));
      return text.startsWith('HTTP/1.1 503') ? text : null;
    });
    expect(refused).toContain('Retry-After: 1');
    expect(await held).toMatch(/^HTTP\/1\.1 200 [\s\S]*held$/);
  });

  test('--connect-timeout: a server that takes no connection is passed over', async () => {
    const deaf = await startDeaf();
    const store = await openStore(site.redis.url);
    const record = sampleRecord({ id: 'deaf22', port: deaf.port });
    await store.registry.register({ ...record, url: `http://127.0.0.1:${deaf.port}` }, null);
    const slowest = await until('it was asked', async () => {
      const startMs = performance.now();
      expect(await ask('/')).toMatch(/^HTTP\/1\.1 200 /);
      const ms = performance.now() - startMs;
      return ms > 250 ? ms : null;
    });
    expect(slowest).toBeLessThan(900);
    await store.registry.forget('deaf22');
    await store.close();
    deaf.stop();
  });
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
