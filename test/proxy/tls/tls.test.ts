import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { connect as connectPlainly } from 'node:net';
import { join } from 'node:path';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type CertificateFiles, readCertificate } from '../../../src/proxy/tls/certificate.ts';
import { certificateFolder, makeCertificate } from '../../helpers/certificates.ts';
import { type Fleet, type OpenDoor, startFleet } from '../../helpers/door-fleet.ts';
import { until } from '../../helpers/until.ts';
import { startEcho } from '../../helpers/web-sockets.ts';

let fleet: Fleet;
const folder = certificateFolder();
const sockets: TLSSocket[] = [];
beforeAll(async () => {
  fleet = await startFleet();
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await fleet.clear();
});
afterAll(async () => {
  await fleet.stop();
  rmSync(folder, { recursive: true });
});

async function openDoor(
  certificates: readonly CertificateFiles[],
  options: Parameters<Fleet['open']>[1] = {},
  hstsSeconds: number | null = null,
): Promise<OpenDoor> {
  await fleet.serve('aaaaaa');
  return fleet.open(1, options, null, { certificates, hstsSeconds });
}

/** A handshake; rejects where there is none. */
function greet(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const whole = { host: '127.0.0.1', port, rejectUnauthorized: false, ...options };
    const socket = connect(whole, () => resolve(socket));
    sockets.push(socket);
    socket.once('error', reject).on('error', () => {});
  });
}

const nameOf = (socket: TLSSocket) => String(socket.getPeerCertificate().subject.CN);
const shownTo = async (port: number, servername: string) =>
  nameOf(await greet(port, { servername }));

/** Sends bytes of HTTP/1 and gives back all that comes, until the end or `done`. */
async function say(port: number, bytes: string, done = (_text: string) => false): Promise<string> {
  const socket = await greet(port, { servername: 'localhost', ALPNProtocols: ['http/1.1'] });
  let text = '';
  socket.on('data', (piece) => {
    text += piece.toString('latin1');
    if (done(text)) socket.destroy();
  });
  socket.write(Buffer.from(bytes, 'latin1'));
  await new Promise((resolve) => socket.once('close', resolve));
  return text;
}

describe('a door with certificates', () => {
  test('shows the one for the very name that is asked for, else by a wildcard, else the first', async () => {
    const { port } = await openDoor([
      makeCertificate(folder, ['first.test']),
      makeCertificate(folder, ['*.cats.test'], 90, 'wild'),
      makeCertificate(folder, ['api.cats.test', 'other.test']),
    ]);
    expect(await shownTo(port, 'first.test')).toBe('first.test');
    expect(await shownTo(port, 'api.cats.test')).toBe('api.cats.test');
    expect(await shownTo(port, 'OTHER.test')).toBe('api.cats.test');
    expect(await shownTo(port, 'www.cats.test')).toBe('*.cats.test');
    expect(await shownTo(port, 'nobody.test')).toBe('first.test');
    expect(nameOf(await greet(port))).toBe('first.test');
  });

  test('reads them again when they change, keeps the one before where they are broken, and ends no connection', async () => {
    const files = makeCertificate(folder, ['one.test'], 90, 'changing');
    const { port, lines } = await openDoor([files, makeCertificate(folder, ['second.test'])]);
    const standing = await greet(port, { servername: 'one.test', ALPNProtocols: ['http/1.1'] });
    const becomes = (name: string) =>
      until(`${name} is shown`, async () => (await shownTo(port, name)) === name);

    makeCertificate(folder, ['two.test'], 90, 'changing');
    await becomes('two.test');
    expect(nameOf(await greet(port))).toBe('two.test');

    writeFileSync(files.cert, 'junk');
    await until('it is said', () => lines.some((line) => line.includes('holds no certificate')));
    expect(await shownTo(port, 'two.test')).toBe('two.test');

    const other = makeCertificate(folder, ['three.test']);
    unlinkSync(files.cert);
    symlinkSync(other.cert, files.cert);
    await until('it is said', () => lines.some((line) => line.includes('is not the key of')));
    unlinkSync(files.key);
    symlinkSync(other.key, files.key);
    await becomes('three.test');

    standing.write('GET / HTTP/1.1\r\nHost: one.test\r\n\r\n');
    const [answer] = await new Promise<Buffer[]>((resolve) =>
      standing.once('data', (piece: Buffer) => resolve([piece])),
    );
    expect(answer?.toString()).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(lines.filter((line) => line.includes('was read again'))).toHaveLength(2);
    expect(lines.filter((line) => line.includes('is kept'))).toHaveLength(2);
  });

  test('speaks TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1, and nothing else', async () => {
    const { port } = await openDoor([makeCertificate(folder, ['localhost'])]);
    const legacy = { ciphers: 'DEFAULT@SECLEVEL=0', minVersion: 'TLSv1' } as const;
    const version = async (maxVersion: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3') =>
      (await greet(port, { ...legacy, maxVersion })).getProtocol();
    expect(await version('TLSv1.2')).toBe('TLSv1.2');
    expect(await version('TLSv1.3')).toBe('TLSv1.3');
    await expect(version('TLSv1.1')).rejects.toThrow(/alert/);
    await expect(greet(port, { ciphers: 'AES128-SHA', maxVersion: 'TLSv1.2' })).rejects.toThrow(
      /alert/,
    );
    const chosen = async (...ALPNProtocols: string[]) =>
      (await greet(port, { ALPNProtocols })).alpnProtocol;
    expect(await chosen('http/1.1', 'h2')).toBe('h2');
    expect(await chosen('http/1.1')).toBe('http/1.1');
    await expect(chosen('spdy/3')).rejects.toThrow();
    expect((await greet(port)).alpnProtocol).toBe(false);
  });

  test('lives on whatever comes in place of TLS', async () => {
    const { port, door } = await openDoor([makeCertificate(folder, ['localhost'])]);
    const junk = ['GET / HTTP/1.1\r\nHost: a\r\n\r\n', '\0'.repeat(1_000), '\x16\x03\x01\xff\xff'];
    for (const bytes of junk) {
      const socket = connectPlainly(port, '127.0.0.1').on('error', () => {});
      socket.resume().end(Buffer.from(bytes, 'latin1'));
      await new Promise((resolve) => socket.once('close', resolve));
    }
    expect(await say(port, 'GET / HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 OK/);
    await until('none is left', () => door.figures.snapshot().clients.open === 0);
  });

  test('ends a connection that never comes to an end of its handshake', async () => {
    const { port } = await openDoor([makeCertificate(folder, ['localhost'])], {
      clientHeaderMs: 300,
    });
    const socket = connectPlainly(port, '127.0.0.1').on('error', () => {});
    socket.resume().write('\x16');
    await new Promise((resolve) => socket.once('close', resolve));
  });
});

describe('HTTP/1.1 over TLS', () => {
  test('tells servers of https, and browsers to stay with it where that is asked for', async () => {
    const certificates = [makeCertificate(folder, ['localhost'])];
    const { port } = await openDoor(certificates, {}, 300);
    const server = await fleet.serve('bbbbbb');
    await until('both are used', async () => {
      const text = await say(
        port,
        'GET https://Other:81/p HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
      );
      expect(text).toContain('Strict-Transport-Security: max-age=300\r\n');
      return server.requests.length > 0;
    });
    const [request] = server.requests;
    expect(request?.url).toBe('/p');
    expect(request?.headers).toMatchObject({
      host: 'Other:81',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'Other:81',
    });
    const refused = await say(port, 'GET http://other/p HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(refused).toMatch(/^HTTP\/1\.1 400 .*Strict-Transport-Security: max-age=300\r\n/s);
  });

  test('answers what is pipelined in order, then refuses what is no request', async () => {
    const { port } = await openDoor([makeCertificate(folder, ['localhost'])]);
    const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
    const text = await say(port, `${get}${get}GARBAGE\r\n\r\n`);
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual([
      ...['HTTP/1.1 200', 'HTTP/1.1 200'],
      'HTTP/1.1 400',
    ]);
  });

  test('ignores an upgrade to HTTP/2, and answers', async () => {
    const { port } = await openDoor([makeCertificate(folder, ['localhost'])]);
    const lines = 'Host: a\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\nContent-Length: 2\r\n';
    expect(await say(port, `POST / HTTP/1.1\r\n${lines}\r\nok`)).toMatch(/^HTTP\/1\.1 200 OK/);
  });

  test('cuts an answer that breaks off, also for a client of HTTP/1.0', async () => {
    const certificates = [makeCertificate(folder, ['localhost'])];
    await fleet.serve('aaaaaa', (request, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('part');
      setImmediate(() => request.socket.destroy());
    });
    const { port, answers } = await fleet.open(1, {}, null, { certificates, hstsSeconds: null });
    expect(await say(port, 'GET / HTTP/1.0\r\n\r\n')).toMatch(/\r\n\r\npart$/);
    await until('it is told', () => answers.length === 1);
    expect(answers[0]?.trouble).toMatch(/\w/);
  });

  test('carries a WebSocket, and closes it with 1001 when the door leaves', async () => {
    const certificates = [makeCertificate(folder, ['localhost'])];
    const echo = await startEcho();
    await fleet.register({ id: 'cccccc', port: echo.port, url: `http://127.0.0.1:${echo.port}` });
    const { port, door } = await fleet.open(1, {}, null, {
      certificates,
      hstsSeconds: null,
    });
    const socket = await greet(port, { ALPNProtocols: ['http/1.1'] });
    let bytes = Buffer.alloc(0);
    socket.on('data', (piece: Buffer) => {
      bytes = Buffer.concat([bytes, piece]);
    });
    socket.write(
      `GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
    );
    await until('it is open', () => bytes.includes('\r\n\r\n'));
    expect(bytes.toString('latin1')).toMatch(/^HTTP\/1\.1 101 /);
    expect(echo.handshakes[0]?.headers['x-forwarded-proto']).toBe('https');
    socket.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]));
    await until('it comes back', () => bytes.includes('\x81\x02hi', 0, 'latin1'));
    await door.close(5_000);
    expect(bytes.includes(Buffer.from([0x88, 0x02, 0x03, 0xe9]))).toBe(true);
    await echo.stop();
  });

  test('gives the cookie of a sticky client to https alone', async () => {
    await fleet.serve('aaaaaa');
    const kept = { namespace: 'meow', load: () => null, save() {} };
    const certificates = [makeCertificate(folder, ['localhost'])];
    const { port } = await fleet.open(1, {}, kept, { certificates, hstsSeconds: null });
    expect(await say(port, 'GET / HTTP/1.0\r\n\r\n')).toMatch(
      /Set-Cookie: meow=[^\r]*; Secure\r\n/,
    );
  });
});

describe('a certificate cannot be used', () => {
  const good = makeCertificate(folder, ['good.test']);
  const other = makeCertificate(folder, ['bad.test']);
  const file = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const locked = join(folder, 'locked.key');
  execFileSync('openssl', [
    ...['pkcs8', '-topk8', '-in', good.key, '-out', locked, '-passout', 'pass:secret'],
  ]);
  const rsa = join(folder, 'rsa.key');
  execFileSync('openssl', ['genrsa', '-out', rsa, '2048'], { stdio: 'pipe' });

  test.each<[string, Partial<CertificateFiles>, RegExp]>([
    ['is not there', { cert: join(folder, 'none') }, /none": no such file/],
    ['whose key is not there', { key: join(folder, 'none') }, /none": no such file/],
    ['is a folder', { cert: folder }, /illegal operation|directory/],
    ['is empty', { cert: file('empty', '') }, /empty" holds no certificate/],
    ['is something else', { cert: file('junk', 'junk') }, /junk" holds no certificate/],
    ['is a key', { cert: good.key }, /good\.test\.key" holds no certificate/],
    ['whose key is of another', { key: other.key }, /bad\.test\.key" is not the key of/],
    ['whose key is of another kind', { key: rsa }, /rsa\.key" is not the key of/],
    ['whose key is something else', { key: file('junk2', 'junk') }, /junk2" holds no private key/],
    ['whose key has a passphrase', { key: locked }, /locked\.key" has a passphrase/],
    [
      'is cut short',
      { cert: file('short', readFileSync(good.cert, 'utf8').slice(0, 300)) },
      /short" holds no certificate/,
    ],
  ])('that %s', (_what, files, words) => {
    expect(() => readCertificate({ ...good, ...files })).toThrow(words);
  });
});
