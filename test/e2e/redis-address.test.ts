import type { ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Row } from '../../src/cli/output/rows.ts';
import type { StoreError } from '../../src/errors.ts';
import { openSite, type Site } from '../helpers/cli.ts';
import { freePort, startRedis, type TestRedis } from '../helpers/redis.ts';
import { addUser, documentedRule } from '../helpers/rights.ts';
import { openStore } from '../helpers/store.ts';
import { until } from '../helpers/until.ts';

/** Made for these tests, with a key that guards nothing. */
const TLS = new URL('../fixtures/tls/', import.meta.url).pathname;

let site: Site;
let socket: string;

beforeAll(async () => {
  site = await openSite();
  socket = join(site.home, 'redis.sock');
  await site.redis.restart(['--unixsocket', socket]);
});
afterAll(() => site.close());

describe('a Redis on a Unix socket', () => {
  test('serves a fleet and its verbs, with user, password and database, and nobody is warned', async () => {
    await addUser(site.redis, 'meow', documentedRule());
    const env = { REDIS_URL: `redis+unix://meow:secret-word@${socket}?db=3` };
    const said: string[] = [];
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await site.run(args, { env });
      said.push(stderr);
      expect([args[0], code, stderr]).toEqual([args[0], 0, stderr]);
      return stdout;
    };
    const port = String(await freePort());
    const up = site.start(['up', '-n', '1', '--port', port, '--no-admin'], { env });
    const upSaid = collect(up);
    await until('the door serves', () => answers(`http://127.0.0.1:${port}/test`));
    expect(upSaid()).toMatch(new RegExp(`Redis +${socket}\n`));
    const rows = JSON.parse(await run('ls', '--json')) as Row[];
    expect(rows).toHaveLength(1);
    await run('set', 'over a socket');
    expect(await run('get')).toBe('over a socket\n');
    await run('restart');
    await run('destroy', '--all');
    await run('down');
    await until('up has ended', () => up.exitCode !== null);
    const all = [...said, upSaid()].join('');
    expect(all).not.toMatch(/warning|secret-word|refused|does not let/);
    const raw = new Redis(site.redis.url);
    onTestFinished(() => raw.disconnect());
    expect(await raw.info('keyspace')).toMatch(/^# Keyspace\r\n(db3:.*\r\n)?$/);
  });

  test('that is not there, or no socket, or has nobody behind it, is one clear line', async () => {
    const gone = await startRedis(['--unixsocket', join(site.home, 'gone.sock')]);
    await gone.kill('SIGKILL');
    onTestFinished(() => gone.stop());
    writeFileSync(join(site.home, 'a-file'), '');
    mkdirSync(join(site.home, 'a-folder'));
    await expectNoUse('no.sock', /is not there: no such socket/);
    await expectNoConnection('a-file', /is no socket$/);
    await expectNoConnection('a-folder', /is no socket$/);
    await expectNoConnection('a-file/x.sock', /is no socket of Redis/);
    await expectNoConnection('gone.sock', /refused the connection/);
  });

  async function expectNoUse(file: string, why: RegExp): Promise<void> {
    const url = `unix://:hush@${join(site.home, file)}`;
    const { code, stdout, stderr } = await site.call(['ls'], { env: { REDIS_URL: url } });
    expect([code, stdout, stderr.trimEnd().split('\n').length]).toEqual([4, '', 2]);
    expect(stderr).toMatch(why);
    expect(stderr).toContain(`Redis at ${join(site.home, file)} `);
    expect(stderr).not.toContain('hush');
  }

  /** The same for the rest, without a process. */
  async function expectNoConnection(file: string, why: RegExp): Promise<void> {
    const error = await openStore(`unix://:hush@${join(site.home, file)}`, false).then(
      () => null,
      (thrown: StoreError) => thrown,
    );
    expect([error?.code, error?.exitCode]).toEqual([expect.any(String), 4]);
    expect(error?.message).toMatch(why);
    expect(error?.message).toContain(`Redis at ${join(site.home, file)} `);
    expect(`${error?.message}${error?.remedy}`).not.toMatch(/hush|\n/);
  }
});

test('?db= names the database, as /db does', async () => {
  await site.call(['set', 'five'], { env: { REDIS_URL: `${site.redis.url}?db=5` } });
  const messageIn = async (db: string) => {
    const store = await openStore(`${site.redis.url}${db}`, false);
    return await store.messages.get('message').finally(() => store.close());
  };
  expect((await messageIn('/5'))?.message).toBe('five');
  expect(await messageIn('')).toBeNull();
});

describe('a Redis with TLS', () => {
  let redis: TestRedis;
  let port: number;
  const serveWith = async (certificate: string, ...more: string[]) => {
    const files = [
      '--tls-cert-file',
      `${TLS}${certificate}.pem`,
      '--tls-key-file',
      `${TLS}key.pem`,
    ];
    const clients = ['--tls-ca-cert-file', `${TLS}authority.pem`, '--tls-auth-clients', 'no'];
    await redis.restart(['--tls-port', String(port), ...files, ...clients, ...more]);
  };
  const env = (authority: string) => ({
    REDIS_URL: `rediss://127.0.0.1:${port}`,
    NODE_EXTRA_CA_CERTS: `${TLS}${authority}.pem`,
  });

  beforeAll(async () => {
    redis = await startRedis();
    port = await freePort();
  });
  afterAll(() => redis.stop());

  test.each([
    ['self-signed', 'authority', /has a self-signed certificate\n.*NODE_EXTRA_CA_CERTS/],
    ['good', 'self-signed', /of an authority that is not known here\n.*NODE_EXTRA_CA_CERTS/],
    ['expired', 'authority', /has a certificate that has expired\n/],
    ['other-host', 'authority', /has a certificate for another host name\n.*REDIS_URL/],
  ])(
    'and a certificate that is %s, where %s is trusted, is one clear line',
    async (certificate, trusted, says) => {
      await serveWith(certificate);
      const { code, stdout, stderr } = await site.run(['get'], { env: env(trusted) });
      expect([code, stdout, stderr.trimEnd().split('\n').length]).toEqual([4, '', 2]);
      expect(stderr).toMatch(says);
      expect(stderr).toContain(`Redis at 127.0.0.1:${port} `);
    },
  );

  test('that wants a certificate of each client, or is asked without TLS, is one clear line', async () => {
    await serveWith('good', '--tls-auth-clients', 'yes');
    const wants = await site.run(['get'], { env: env('authority') });
    expect(wants.stderr).toMatch(/wants a certificate of each client.*\n.*tls-auth-clients/);
    const plain = { REDIS_URL: `redis://127.0.0.1:${port}` };
    expect((await site.call(['get'], { env: plain })).stderr).toMatch(/closed the .*\n.*rediss:/);
  });

  test('whose own certificate is trusted is used', async () => {
    await serveWith('self-signed');
    const { code } = await site.run(['set', 'hi'], { env: env('self-signed') });
    expect(code).toBe(0);
  });

  test('behind a Sentinel with TLS is found, and its certificate is looked at too', async () => {
    await serveWith('good');
    const watching = await freePort();
    const config = ['tls-replication yes', `sentinel monitor cats 127.0.0.1 ${port} 1`];
    const tls = ['--tls-port', String(watching), '--tls-auth-clients', 'no'];
    const files = ['--tls-cert-file', `${TLS}good.pem`, '--tls-key-file', `${TLS}key.pem`];
    const authority = ['--tls-ca-cert-file', `${TLS}authority.pem`];
    const sentinel = await startRedis(['--sentinel', ...tls, ...files, ...authority], config);
    onTestFinished(() => sentinel.stop());
    const url = { REDIS_URL: `rediss+sentinel://127.0.0.1:${watching}/cats` };
    const set = (trusted: string) =>
      site.run(['set', 'over TLS'], { env: { ...env(trusted), ...url } });
    expect(await set('authority')).toMatchObject({ code: 0 });
    const untrusted = await set('self-signed');
    expect([untrusted.code, untrusted.stderr]).toEqual([
      4,
      expect.stringMatching(
        /Sentinel at \S+ has a certificate of an authority .*\n.*EXTRA_CA_CERTS/,
      ),
    ]);
  });

  test('whose certificate is of a trusted authority is as good as any', async () => {
    await serveWith('good');
    const run = (...args: string[]) => site.run(args, { env: env('authority') });
    expect(await run('spawn', '-q')).toMatchObject({ code: 0, stderr: '' });
    const listed = await run('ls', '--json');
    expect(listed).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(listed.stdout)).toMatchObject([{ state: 'up' }]);
    expect(await run('destroy', '--all')).toMatchObject({ code: 0 });
  });
});

function collect(child: ChildProcess): () => string {
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      said += chunk;
    });
  }
  return () => said;
}

function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
}
