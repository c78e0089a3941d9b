import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { cannotListen } from '../../src/listen.ts';
import { BIN, finish } from '../helpers/cli.ts';
import { type Fleet, startFleet } from '../helpers/door-fleet.ts';
import { needs, nginx, testWith } from '../helpers/needs.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/operations.md'), 'utf8');
const blocks = [...page.matchAll(/^```\n([\s\S]*?)^```/gm)].map(([, block = '']) => block);
const TLS = join(import.meta.dirname, '..', 'fixtures', 'tls');

function block(has: string): string {
  return blocks.find((one) => one.includes(has)) ?? '';
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'meow-test-operations-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const unit = block('[Unit]');

describe('the unit for systemd', () => {
  /** A system of its own, with this unit in it. */
  function rootWith(text: string) {
    const root = folder();
    const units = join(root, 'etc/systemd/system');
    mkdirSync(units, { recursive: true });
    writeFileSync(join(units, 'meowctl.service'), text);
    return { root, path: join(units, 'meowctl.service') };
  }

  testWith(needs.systemd, 'has nothing that systemd complains of', () => {
    const { path } = rootWith(unit);
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', path]);
    expect([status, String(stderr)]).toEqual([0, '']);
  });

  testWith(needs.systemd, 'can be enabled', () => {
    const { root } = rootWith(unit);
    execFileSync('systemctl', [`--root=${root}`, 'enable', 'meowctl.service'], { stdio: 'ignore' });
    const link = join(root, 'etc/systemd/system/multi-user.target.wants/meowctl.service');
    expect(spawnSync('readlink', [link]).status).toBe(0);
    const enabled = spawnSync('systemctl', [`--root=${root}`, 'is-enabled', 'meowctl.service']);
    expect(String(enabled.stdout)).toBe('enabled\n');
  });

  test('wants its Redis, may bind port 80, and says what verbs need in one file', () => {
    expect(unit).toMatch(/^Wants=.*\bredis-server\.service$/m);
    expect(unit).toMatch(/^After=.*\bredis-server\.service$/m);
    expect(unit).toMatch(/--port 80 [\s\S]*^AmbientCapabilities=CAP_NET_BIND_SERVICE$/m);
    const file = /^EnvironmentFile=(\S+)$/m.exec(unit)?.[1] ?? '?';
    expect(page).toContain(`\`${file}\`, because verbs need it too`);
    expect(block('sudo -u meow')).toContain(`env $(cat ${file}) meowctl ls`);
    expect(block('PATH=/usr/local/bin')).toContain(`meow env $(cat ${file}) meowctl restart`);
    const settings = block('MEOW_HOME=/var').trim().split('\n');
    expect(settings.map((line) => line.split('=')[0])).toEqual(['REDIS_URL', 'MEOW_HOME']);
    const [, home = '?'] = /^MEOW_HOME=(.*)$/m.exec(block('MEOW_HOME=/var')) ?? [];
    expect(home).toBe(`/var/lib/${/^StateDirectory=(.*)$/m.exec(unit)?.[1]}`);
  });

  test('is what the error for port 80 leads to', () => {
    const denied = Object.assign(new Error(), { code: 'EACCES' });
    const { message, remedy } = cannotListen({ host: '127.0.0.1', port: 80 }, '', denied);
    expect(message).toBe("port 80 needs root's rights");
    expect(remedy).toContain('AmbientCapabilities in docs/operations.md');
  });
});

test('every flag of `up` and `restart` on the page of operations is one', () => {
  const lines = page.match(/meowctl (?:up|restart)\b[^`\n]*|CMD \["up".*/g) ?? [];
  expect(lines.length).toBeGreaterThan(8);
  for (const verb of ['up', 'restart']) {
    const help = String(execFileSync(process.execPath, [BIN, verb, '--help']));
    const flags = lines
      .filter((line) => line.includes(verb))
      .join()
      .match(/ --?[a-z][a-z-]*/g);
    for (const flag of flags ?? []) expect(help).toMatch(new RegExp(`${flag}[ ,\\n]`));
  }
});

test('the commands for verbs and cron on the page of operations reach the fleet whose settings they name', async () => {
  const own = folder();
  const settings = join(own, 'meowctl.env');
  writeFileSync(settings, 'REDIS_URL=redis://127.0.0.1:1\nMEOW_HOME=/somewhere\n');
  const fake = join(own, 'meowctl');
  writeFileSync(fake, '#!/bin/sh\necho "$MEOW_HOME $REDIS_URL $*"\n', { mode: 0o755 });
  const [first = '', ...more] = block('sudo -u meow').trim().split('\n');
  const cron = block('PATH=/usr/local/bin').trim().split('\n').at(-1) ?? '';
  expect(more).toHaveLength(1);
  for (const line of [first.replace('sudo -u meow ', ''), cron.replace(/^.* meow (?=env)/, '')]) {
    const command = line.replace('/etc/meow/meowctl.env', settings).replace('>/dev/null', '');
    const env = { PATH: `${own}:/usr/bin:/bin` };
    const { stdout } = await finish(spawn('sh', ['-c', command], { env }));
    expect(stdout).toMatch(/^\/somewhere redis:\/\/127\.0\.0\.1:1 (ls|restart -q)\n$/);
  }
});

describe('nginx in front of a door', () => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await startFleet();
  });
  afterAll(() => fleet.stop());

  testWith(
    needs.nginx,
    'takes the block of the page, and passes requests on with TLS',
    async () => {
      const server = await fleet.serve('abc234', (incoming, response) => {
        response.end(JSON.stringify(incoming.headers));
      });
      const { port: door } = await fleet.open(1, { trustProxy: ['127.0.0.1/32'] });
      const [port, own] = [await freePort(), folder()];
      const config = join(own, 'nginx.conf');
      writeFileSync(config, configure(block('upstream meowctl'), { own, port, door }));
      const tried = spawnSync(nginx(), ['-t', '-q', '-c', config, '-e', 'stderr']);
      expect([tried.status, String(tried.stderr)]).toEqual([0, '']);
      const running = spawn(nginx(), ['-c', config, '-e', 'stderr'], { stdio: 'inherit' });
      onTestFinished(async () => {
        running.kill('SIGTERM');
        await finish(running);
      });
      await until('nginx listens', () => listens(port));
      const headers = JSON.parse(await get(port)) as Record<string, string>;
      expect(headers).toMatchObject({
        host: 'cats.example',
        'x-forwarded-proto': 'https',
        'x-forwarded-host': 'cats.example',
      });
      expect(headers['x-forwarded-for']).toMatch(/^127\.0\.0\.1, ?127\.0\.0\.1$/);
      expect(server.seen).toHaveLength(1);
    },
  );
});

interface Place {
  readonly own: string;
  readonly port: number;
  readonly door: number;
}

function configure(text: string, { own, port, door }: Place): string {
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const http = text
    .replace('listen 443 ssl', `listen 127.0.0.1:${port} ssl`)
    .replace('127.0.0.1:3000', `127.0.0.1:${door}`)
    .replace('/etc/ssl/cats.pem', join(TLS, 'good.pem'))
    .replace('/etc/ssl/cats.key', join(TLS, 'key.pem'));
  const user = process.geteuid?.() === 0 ? 'user root;\n' : '';
  return `${user}daemon off;\npid ${own}/pid;\nworker_processes 1;\nevents {}\nhttp {
access_log off;
${paths.map((name) => `${name}_temp_path ${own}/${name};`).join('\n')}
${http}}\n`;
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

function get(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { host: 'cats.example' };
    const options = { port, host: '127.0.0.1', headers, rejectUnauthorized: false, agent: false };
    const asked = request({ ...options, path: '/a' }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (chunk) => {
        body += chunk;
      });
      answer.once('end', () => resolve(body));
    });
    asked.once('error', reject).end();
  });
}
