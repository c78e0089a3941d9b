import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { certificateFolder, makeCertificate } from '../helpers/certificates.ts';
import { openSite, type Site } from '../helpers/cli.ts';
import { ask } from '../helpers/clients.ts';
import { freePort } from '../helpers/redis.ts';
import { parseMetrics } from '../helpers/scrape.ts';
import { until } from '../helpers/until.ts';

let site: Site;
const folder = certificateFolder();
const files = makeCertificate(folder, ['localhost', '127.0.0.1'], 10);
const other = makeCertificate(folder, ['other.test']);
const tls = ['--tls-cert', files.cert, '--tls-key', files.key];
beforeAll(async () => {
  site = await openSite();
});
afterAll(async () => {
  await site.close();
  rmSync(folder, { recursive: true });
});

function status(port: number): Promise<number> {
  return new Promise((resolve) => {
    const options = { host: '127.0.0.1', port, path: '/test', rejectUnauthorized: false };
    const outgoing = request({ ...options, agent: false }, (answer) => {
      answer.resume().once('end', () => resolve(answer.statusCode ?? 0));
    });
    outgoing.on('error', () => resolve(0)).end();
  });
}

test('up with a certificate says where it is, sends plain HTTP there, and doctor warns of its end', async () => {
  const [port, plain, admin] = await Promise.all([freePort(), freePort(), freePort()]);
  const ports = ['--port', `${port}`, '--redirect-http', `${plain}`, '--admin-port', `${admin}`];
  let talk = '';
  const up = site.start(['up', '-n', '1', ...ports, ...tls, '--hsts', '60']);
  up.stderr?.on('data', (piece) => {
    talk += piece;
  });
  await until('it runs', () => talk.includes('Ctrl-C'));
  expect(talk).toContain(`door     https://127.0.0.1:${port}\n`);
  expect(talk).toContain(`redirect http://127.0.0.1:${plain}  (sends plain HTTP on to it)\n`);
  await until('it answers', async () => (await status(port)) === 200);
  const { status: moved, headers } = await ask(plain, '/a?b');
  expect([moved, headers.location]).toEqual([308, `https://127.0.0.1:${port}/a?b`]);

  const { stdout } = await site.run(['doctor', '--json']);
  const checks: { check: string; ok: unknown; says: string }[] = JSON.parse(stdout);
  expect(checks.find(({ check }) => check === 'certificates')).toMatchObject({
    ok: 'warn',
    says: expect.stringMatching(/^localhost at door [a-z2-9]{6} ends in 9 days$/),
  });
  const { doors } = JSON.parse((await ask(admin, '/overview')).body);
  expect(doors[0].url).toBe(`https://127.0.0.1:${port}`);

  const taken = await site.run([
    'proxy',
    '--no-admin',
    '--port',
    `${await freePort()}`,
    ...tls,
    '--redirect-http',
    `${plain}`,
  ]);
  expect(taken.code).toBe(1);
  expect(taken.stderr).toMatch(new RegExp(`port ${plain} is in use.*\\n.*--redirect-http`));
  up.kill('SIGINT');
  await until('it ends', () => up.exitCode !== null);
  expect(up.exitCode).toBe(0);
});

describe('workers of a door with a certificate', () => {
  /** A handshake, with whose certificate, and whether it went on with a session. */
  const greet = (port: number, session?: Buffer) =>
    new Promise<{ socket: TLSSocket; name: string; resumed: boolean }>((resolve, reject) => {
      const about = { host: '127.0.0.1', port, servername: 'localhost', rejectUnauthorized: false };
      const options = { ...about, maxVersion: 'TLSv1.2' as const, ...(session ? { session } : {}) };
      const socket = connect(options, () => {
        const name = String(socket.getPeerCertificate().subject?.CN);
        resolve({ socket, name, resumed: socket.isSessionReused() });
      });
      socket.once('error', reject).on('error', () => {});
    });

  test('show it, go on with each other’s sessions, and take a new one; one that starts anew too', async () => {
    const own = makeCertificate(folder, ['before.test'], 90, 'workers');
    const [port, admin] = await Promise.all([freePort(), freePort()]);
    const ports = ['--port', `${port}`, '--admin-port', `${admin}`];
    const pair = ['--tls-cert', own.cert, '--tls-key', own.key];
    let talk = '';
    const door = site.start(['proxy', '--workers', '2', ...ports, ...pair]);
    door.stderr?.on('data', (piece) => {
      talk += piece;
    });
    const pids = () => {
      const text = readFileSync(`/proc/${door.pid}/task/${door.pid}/children`, 'utf8');
      return text.split(' ').filter(Boolean).map(Number);
    };
    const figures = async () => {
      const text = await ask(admin, '/metrics').catch(() => null);
      return text ? parseMetrics(text.body) : new Map<string, number>();
    };
    const serve = async () => (await figures()).get('meowctl_door_workers{state="serving"}') === 2;
    await until('both serve', serve);
    const open: TLSSocket[] = [];
    const dial = async (session?: Buffer) => {
      const greeted = await greet(port, session);
      open.push(greeted.socket);
      return greeted;
    };

    const session = (await dial()).socket.getSession();
    await until('both have some', async () => {
      expect((await dial(session)).resumed).toBe(true);
      const now = await figures();
      return ['1', '2'].every(
        (slot) => (now.get(`meowctl_door_worker_client_connections{worker="${slot}"}`) ?? 0) > 1,
      );
    });
    expect(await status(port)).toBe(503);

    makeCertificate(folder, ['after.test'], 90, 'workers');
    const shown = async () => {
      const names = [];
      for (let at = 0; at < 4; at += 1) names.push((await dial()).name);
      return names;
    };
    await until('both show it', async () => (await shown()).every((name) => name === 'after.test'));
    writeFileSync(own.cert, 'junk');
    await until('it is said', () => talk.includes('is kept'));
    const [first = 0] = pids();
    process.kill(first, 'SIGKILL');
    await until('there is another', async () => !pids().includes(first) && (await serve()));
    expect(new Set(await shown())).toEqual(new Set(['after.test']));
    expect(talk.match(/was read again/g)).toHaveLength(1);
    expect(talk.match(/is kept/g)).toHaveLength(1);
    for (const socket of open) socket.destroy();
    door.kill('SIGINT');
    await until('it ends', () => door.exitCode !== null);
    expect(door.exitCode).toBe(0);
  });
});

describe('a mistake with certificates is told before anything starts', () => {
  const junk = join(folder, 'junk.pem');
  writeFileSync(junk, 'junk');
  test.each<[string[], number, RegExp]>([
    [['--tls-cert', files.cert], 2, /--tls-cert is given once, --tls-key not at all/],
    [[...tls, '--tls-key', other.key], 2, /--tls-cert is given once, --tls-key 2 times/],
    [['--redirect-http', '8080'], 2, /--redirect-http without a certificate/],
    [['--hsts', '60'], 2, /--hsts without a certificate/],
    [[...tls, '--hsts', '-1'], 2, /time '-1' is not valid|"-1"/],
    [[...tls, '--redirect-http', '3000'], 2, /3000 is the door's own port/],
    [['--tls-cert', files.cert, '--tls-key', other.key], 1, /other\.test\.key" is not the key of/],
    [['--tls-cert', junk, '--tls-key', files.key], 1, /junk\.pem" holds no certificate/],
    [['--tls-cert', '/none', '--tls-key', files.key], 1, /"\/none": no such file/],
  ])('proxy %j', async (flags, code, words) => {
    const result = await site.run(['proxy', '--no-admin', ...flags]);
    expect(result.code).toBe(code);
    expect(result.stderr).toMatch(words);
    expect(result.stderr.split('\n')).toHaveLength(3);
    expect(result.stdout).toBe('');
  });
});
