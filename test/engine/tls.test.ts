import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { connect as connectPlainly } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest';
import type { EngineDoor } from '../../src/engine/engine-door.ts';
import { certificateFolder, makeCertificate } from '../helpers/certificates.ts';
import { exchange } from '../helpers/clients.ts';
import { type Fleet, startFleet, type TestServer } from '../helpers/door-fleet.ts';
import { type EngineSite, openEngineSite, used } from '../helpers/engine-site.ts';
import { needs, testWith } from '../helpers/needs.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';

/* What test/proxy/tls/tls.test.ts and test/proxy/redirect.test.ts say of the embedded door, of one on HAProxy. */

let fleet: Fleet;
let site: EngineSite;
let door: EngineDoor;
let redirectPort: number;
const folder = certificateFolder();
const sockets: TLSSocket[] = [];
const files = makeCertificate(folder, ['one.test'], 90, 'changing');
const onHaproxy = (name: string, run: () => unknown) => testWith(needs.haproxy, name, run);

beforeAll(async () => {
  if (!needs.haproxy.isHere()) return;
  redirectPort = await freePort();
  const certificates = [
    files,
    makeCertificate(folder, ['*.cats.test'], 90, 'wild'),
    makeCertificate(folder, ['api.cats.test', 'other.test']),
  ];
  fleet = await startFleet();
  site = await openEngineSite(fleet);
  door = await site.open({ certificates, redirectPort, hstsSeconds: 300 });
  await serve('aaaaaa');
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});
afterAll(async () => {
  await site?.close();
  await fleet?.stop();
  rmSync(folder, { recursive: true });
});

async function serve(id: string): Promise<TestServer> {
  const server = await fleet.serve(id);
  await used(door, id);
  return server;
}

function greet(options: ConnectionOptions = {}): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const whole = { host: '127.0.0.1', port: site.port, rejectUnauthorized: false, ...options };
    const socket = connect(whole, () => resolve(socket));
    sockets.push(socket);
    socket.once('error', reject).on('error', () => {});
  });
}

async function answerTo(socket: TLSSocket): Promise<string> {
  socket.write('GET / HTTP/1.1\r\nHost: one.test\r\n\r\n');
  const [answer] = await once(socket, 'data');
  return String(answer);
}

const nameOf = (socket: TLSSocket) => String(socket.getPeerCertificate().subject.CN);
const shownTo = async (servername: string) => nameOf(await greet({ servername }));

function ask(path: string, headers = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const about = { host: '127.0.0.1', port: site.port, path, headers, rejectUnauthorized: false };
    request(about, (answer) => resolve(answer.resume()))
      .once('error', reject)
      .end();
  });
}

describe('a door on HAProxy with certificates', () => {
  onHaproxy(
    'shows the one for the name that is asked for, else by a wildcard, else the first',
    async () => {
      expect(await shownTo('one.test')).toBe('one.test');
      expect(await shownTo('api.cats.test')).toBe('api.cats.test');
      expect(await shownTo('OTHER.test')).toBe('api.cats.test');
      expect(await shownTo('www.cats.test')).toBe('*.cats.test');
      expect(await shownTo('nobody.test')).toBe('one.test');
      expect(nameOf(await greet())).toBe('one.test');
    },
  );

  onHaproxy('speaks TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1', async () => {
    const legacy = { ciphers: 'DEFAULT@SECLEVEL=0', minVersion: 'TLSv1' } as const;
    const version = async (maxVersion: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3') =>
      (await greet({ ...legacy, maxVersion })).getProtocol();
    expect(await version('TLSv1.2')).toBe('TLSv1.2');
    expect(await version('TLSv1.3')).toBe('TLSv1.3');
    await expect(version('TLSv1.1')).rejects.toThrow(/alert/);
    await expect(greet({ ciphers: 'AES128-SHA', maxVersion: 'TLSv1.2' })).rejects.toThrow(/alert/);
    const chosen = async (...ALPNProtocols: string[]) =>
      (await greet({ ALPNProtocols })).alpnProtocol;
    expect(await chosen('http/1.1', 'h2')).toBe('h2');
    expect(await chosen('http/1.1')).toBe('http/1.1');
  });

  onHaproxy(
    'tells servers of https, and browsers to stay with it, its own answers too',
    async () => {
      const server = await serve('bbbbbb');
      await until('both are used', async () => {
        const { headers } = await ask('/');
        expect(headers['strict-transport-security']).toBe('max-age=300');
        return server.requests.length > 0;
      });
      expect(server.requests[0]?.headers).toMatchObject({ 'x-forwarded-proto': 'https' });
      const refused = await ask('/', { expect: 'banana' });
      expect([refused.statusCode, refused.headers['strict-transport-security']]).toEqual([
        ...[417, 'max-age=300'],
      ]);
    },
  );

  onHaproxy('answers whoever speaks no TLS there nothing at all', async () => {
    const socket = connectPlainly(site.port, '127.0.0.1').on('error', () => {});
    let came = '';
    socket.on('data', (piece) => {
      came += piece.toString('latin1');
    });
    socket.end('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await new Promise((resolve) => socket.once('close', resolve));
    expect(came).not.toContain('HTTP/');
  });

  onHaproxy(
    'reads them again when they change, keeps the one before where they are broken, and ends no connection',
    async () => {
      const standing = await greet({ servername: 'one.test', ALPNProtocols: ['http/1.1'] });
      expect(await answerTo(standing)).toMatch(/^HTTP\/1\.1 200 OK/);
      const [record] = (await fleet.store.registry.around()).doors;
      expect(record?.url).toBe(`https://127.0.0.1:${site.port}`);
      expect(record?.certificates?.map(({ name }) => name)).toEqual([
        ...['one.test', '*.cats.test', 'api.cats.test'],
      ]);

      makeCertificate(folder, ['two.test'], 90, 'changing');
      await until('it is shown', async () => (await shownTo('two.test')) === 'two.test');
      writeFileSync(files.cert, 'junk');
      await until('it is said', () => site.said.some((line) => line.includes('is kept')));
      expect(await shownTo('two.test')).toBe('two.test');
      makeCertificate(folder, ['three.test'], 90, 'changing');
      await until('it is shown', async () => (await shownTo('three.test')) === 'three.test');

      expect(await answerTo(standing)).toMatch(/^HTTP\/1\.1 200 OK/);
      expect(site.said).toEqual([
        expect.stringContaining('the certificate for two.test was read again'),
        expect.stringContaining('the certificate before is kept: '),
        expect.stringContaining('the certificate for three.test was read again'),
      ]);
    },
  );

  onHaproxy('has the newest ones when HAProxy is started again', async () => {
    makeCertificate(folder, ['four.test'], 90, 'changing');
    await until('it is shown', async () => (await shownTo('four.test')) === 'four.test');
    const pid = site.master();
    process.kill(pid, 'SIGKILL');
    await until('another serves', () => site.master() !== pid);
    const name = await until('it is shown', () => shownTo('nobody.test').catch(() => null));
    expect(name).toBe('four.test');
  });
});

onHaproxy(
  'a handshake that does not end, and a client that is idle, have as long as silence within a body',
  async () => {
    const other = await openEngineSite(fleet);
    await other.open({ certificates: [files], bodyIdleMs: 300 });
    const socket = connectPlainly(other.port, '127.0.0.1').on('error', () => {});
    socket.resume().write('\x16');
    await once(socket, 'close');
    const idle = await greet({ port: other.port });
    expect(await answerTo(idle)).toMatch(/^HTTP\/1\.1 /);
    await once(idle, 'close');
    await other.close();
  },
);

describe('where plain HTTP is sent on to https', () => {
  const HOST = 'Host: cats.test:8080\r\n';

  const sentOn = [
    ['GET / HTTP/1.1', HOST, 'https://cats.test', '/'],
    ['GET /a?b=%20c&d HTTP/1.1', HOST, 'https://cats.test', '/a?b=%20c&d'],
    ['POST /a HTTP/1.1', `${HOST}Content-Length: 5\r\n`, 'https://cats.test', '/a'],
    ['OPTIONS * HTTP/1.1', HOST, 'https://cats.test', '/'],
    ['GET //evil.test/ HTTP/1.1', HOST, 'https://cats.test', '//evil.test/'],
    ['GET http://cats.test:8080/p HTTP/1.1', HOST, 'https://cats.test', '/p'],
    ['GET / HTTP/1.0', 'Host: [::1]:80\r\n', 'https://[::1]', '/'],
  ] as const;
  for (const [line, lines, host, path] of sentOn) {
    onHaproxy(`${line} is`, async () => {
      const text = await exchange(redirectPort, `${line}\r\n${lines}\r\n`);
      expect(text).toMatch(/^HTTP\/1\.1 308 /);
      expect(text).toContain(`\r\nlocation: ${host}:${site.port}${path}\r\n`);
      expect(text).toContain('\r\nconnection: close\r\n');
    });
  }

  const refused = [
    ['no Host', 'GET / HTTP/1.0\r\n\r\n'],
    ['two Hosts', `GET / HTTP/1.1\r\n${HOST}Host: other\r\n\r\n`],
    ['a Host that is none', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n'],
    ['a target that is no path', `GET ftp://a/b HTTP/1.1\r\n${HOST}\r\n`],
    ['a target beyond ASCII', `GET /\xe4 HTTP/1.1\r\n${HOST}\r\n`],
    ['no HTTP', '\x16\x03\x01\r\n\r\n'],
  ] as const;
  for (const [what, bytes] of refused) {
    onHaproxy(`${what} is not`, async () => {
      const text = await exchange(redirectPort, Buffer.from(bytes, 'latin1'));
      expect(text).toMatch(/^HTTP\/1\.1 400 /);
      expect(text).not.toContain('ocation');
    });
  }
});
