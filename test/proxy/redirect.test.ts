import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { doorOptions } from '../../src/proxy/options.ts';
import { createRedirect } from '../../src/proxy/redirect.ts';
import { exchange } from '../helpers/clients.ts';

const servers: Server[] = [];
let usual: number;
let odd: number;
beforeAll(async () => {
  [usual, odd] = await Promise.all([open(443), open(8_443)]);
});
afterAll(() => {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
});

async function open(httpsPort: number): Promise<number> {
  const server = createRedirect(doorOptions(), httpsPort);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  return (server.address() as AddressInfo).port;
}

const HOST = 'Host: cats.test:8080\r\n';

test.each([
  ['GET / HTTP/1.1', HOST, 'https://cats.test/'],
  ['GET /a?b=%20c&d HTTP/1.1', HOST, 'https://cats.test/a?b=%20c&d'],
  ['POST /a HTTP/1.1', `${HOST}Content-Length: 5\r\n`, 'https://cats.test/a'],
  ['OPTIONS * HTTP/1.1', HOST, 'https://cats.test/'],
  ['GET //evil.test/ HTTP/1.1', HOST, 'https://cats.test//evil.test/'],
  ['GET http://other.test:81/p HTTP/1.1', HOST, 'https://other.test/p'],
  ['GET / HTTP/1.0', 'Host: [::1]:80\r\n', 'https://[::1]/'],
  [
    'GET /a HTTP/1.1',
    `${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\n`,
    'https://cats.test/a',
  ],
])('%s with %j is sent on to %s', async (line, lines, location) => {
  const text = await exchange(usual, `${line}\r\n${lines}\r\n`);
  expect(text).toMatch(/^HTTP\/1\.1 308 /);
  expect(text).toContain(`\r\nLocation: ${location}\r\n`);
  const other = await exchange(odd, `${line}\r\n${lines}\r\n`);
  const [, host, rest] = /^https:\/\/([^/]+)(.*)$/.exec(location) ?? [];
  expect(other).toContain(`\r\nLocation: https://${host}:8443${rest}\r\n`);
});

test.each([
  ['no Host', 'GET / HTTP/1.0\r\n\r\n'],
  ['two Hosts', `GET / HTTP/1.1\r\n${HOST}${HOST}\r\n`],
  ['a Host that is none', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n'],
  ['a target that is no path', `GET ftp://a/b HTTP/1.1\r\n${HOST}\r\n`],
  ['a target beyond ASCII', `GET /\xe4 HTTP/1.1\r\n${HOST}\r\n`],
  ['no HTTP', '\x16\x03\x01\r\n\r\n'],
])('%s is 400, and sent nowhere', async (_what, bytes) => {
  const text = await exchange(usual, bytes);
  expect(text).toMatch(/^HTTP\/1\.1 400 /);
  expect(text).not.toContain('Location');
});
