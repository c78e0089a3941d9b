import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { sendSignal } from '../../src/process/terminate.ts';
import { finish, ownProcesses } from '../helpers/cli.ts';
import { exchange } from '../helpers/clients.ts';
import { answering, type FleetSite, openFleetSite } from '../helpers/fleet-site.ts';
import { needs, testWith } from '../helpers/needs.ts';
import { freePort } from '../helpers/redis.ts';
import { openPane } from '../helpers/tmux.ts';
import { until } from '../helpers/until.ts';

const PAGE = join(import.meta.dirname, '..', '..', 'docs', 'operations.md');
const NEVER_READY = 'await new Promise(() => setInterval(() => {}, 1_000));\n';

let site: FleetSite;

beforeAll(async () => {
  site = await openFleetSite();
});
/** Verbs that change nothing: one server is there for every signal. */
const READERS = ['logs -f', 'events -f', 'top'];
afterEach(({ task }) => (READERS.includes(task.suite?.name ?? '') ? null : site.clear()));
afterAll(() => site.close());

/** The table of the page, a row for each verb and signal. */
function rows() {
  const page = readFileSync(PAGE, 'utf8');
  const lines = page.slice(page.indexOf('\n## Signals\n')).split('\n## ')[1]?.split('\n') ?? [];
  return lines
    .filter((line) => line.startsWith('| `'))
    .flatMap((line) => {
      const [verbs = '', signals = '', , first, , second] = line.split(' | ').map(bare);
      return verbs.split(', ').map((verb) => ({
        verb,
        signals: signals.split(', ') as NodeJS.Signals[],
        first: Number(first),
        second: Number(second),
      }));
    });
}

function bare(cell: string): string {
  return cell.replaceAll(/[`|]/g, '').trim();
}

interface Running {
  /** A signal, or a key that says the same. */
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<{ readonly code: number | null }>;
}

/** Each verb in the middle of what it does. */
const going: Readonly<Record<string, () => Promise<Running>>> = {
  async up() {
    const port = await freePort();
    const up = site.go('up', '-n', '1', '--port', String(port), '--no-admin');
    await until('it keeps its server', () => up.said().includes('Ctrl-C stops the door'));
    return up;
  },
  async proxy() {
    const port = await freePort();
    const door = site.go('proxy', '--port', String(port), '--no-admin');
    await until('it listens', () =>
      exchange(port, 'GET / HTTP/1.0\r\nHost: a\r\n\r\n').then((text) => text !== ''),
    );
    return door;
  },
  keep: () => site.keep(),
  async serve() {
    const server = site.go('serve');
    await until('it serves', async () => (await site.liveNow()).length === 1);
    return server;
  },
  spawn: () => starting('spawn', '--app', site.write('never.mjs', NEVER_READY)),
  scale: () => starting('scale', '1', '--app', site.write('never.mjs', NEVER_READY)),
  async restart() {
    const app = site.write('app.mjs', answering('one'));
    await site.spawn('--app', app);
    site.write('app.mjs', NEVER_READY);
    return starting('restart');
  },
  destroy: () => waiting('destroy', '--all'),
  down: () => waiting('down'),
  'logs -f': () => following('logs'),
  'events -f': () => following('events'),
  async top() {
    const pane = await openPane(site.env);
    onTestFinished(() => pane.close());
    pane.type('meowctl top');
    await pane.shows('q quit');
    const pid = ownProcesses(site.home).find((one) => commandOf(one).endsWith('\0top\0')) ?? 0;
    return {
      kill(signal: string) {
        const key = keys[signal];
        if (key === undefined) sendSignal(pid, signal as NodeJS.Signals);
        else pane.press(key);
      },
      ended: pane.ended().then((code) => ({ code })),
    };
  },
};

/** What tmux calls them. */
const keys: Readonly<Record<string, string>> = { q: 'q', 'Ctrl-C': 'C-c' };

const commandOf = (pid: number) => readFileSync(`/proc/${pid}/cmdline`, 'utf8');

/** A verb that prints what comes. */
async function following(verb: string): Promise<Running> {
  if ((await site.liveNow()).length === 0) await site.spawn();
  const follower = site.start([verb, '-f']);
  const ended = finish(follower);
  await once(follower.stdout as Readable, 'data');
  return { ended, kill: (signal) => follower.kill(signal) };
}

/** A verb that waits for a server that does not get ready. */
async function starting(...words: string[]): Promise<Running> {
  const folder = join(site.home, 'logs');
  const logs = () => (existsSync(folder) ? readdirSync(folder).length : 0);
  const before = logs();
  const verb = site.go(...words);
  await until('its server boots', () => logs() > before);
  return verb;
}

/** A verb that waits for a server with a request that has no end. */
async function waiting(...words: string[]): Promise<Running> {
  const app = "export default (_, response) => void response.writeHead(200).write('x');\n";
  const server = await site.spawnOne('--app', site.write('held.mjs', app));
  const held = await fetch(server.url);
  onTestFinished(() => held.body?.cancel().catch(() => {}));
  const verb = site.go(...words);
  await until('the server drains', async () => (await site.liveNow()).length === 0);
  return verb;
}

const asked = rows();

test('the table names each verb that a signal does not simply end, and no other', () => {
  expect(asked.map(({ verb }) => verb).sort()).toEqual(Object.keys(going).sort());
});

describe.each(asked)('$verb', ({ verb, signals, first, second }) => {
  afterAll(() => site.clear());
  const start = () => going[verb]?.() as Promise<Running>;
  const testIt = (name: string, run: () => Promise<void>) =>
    verb === 'top' ? testWith(needs.tmux, name, run) : test(name, run);

  for (const signal of signals) {
    testIt(`at one ${signal} exits ${first}`, async () => {
      const running = await start();
      running.kill(signal);
      expect(await running.ended).toMatchObject({ code: first });
    });
  }

  testIt(`at a second signal exits ${second}`, async () => {
    const running = await start();
    running.kill('SIGINT');
    running.kill('SIGTERM');
    expect(await running.ended).toMatchObject({ code: second });
  });
});

test.each<[number, readonly string[]]>([
  [0, []],
  [130, ['--detach']],
])('up, interrupted while it still starts its servers, exits %i with %j', async (code, words) => {
  const port = String(await freePort());
  const app = site.write('never.mjs', NEVER_READY);
  const verb = site.go('up', '-n', '1', '--port', port, '--no-admin', '--app', app, ...words);
  await until('its server boots', () => ownProcesses(site.home).length > words.length + 1);
  verb.kill('SIGINT');
  expect(await verb.ended).toMatchObject({ code });
});

test('the signals of the table are all that verbs listen to: another one ends them', async () => {
  const running = await starting('spawn', '--app', site.write('never.mjs', NEVER_READY));
  running.kill('SIGHUP');
  expect(await running.ended).toMatchObject({ code: null });
});

test('proxy --wait-redis ends with 0 while it still waits', async () => {
  const nowhere = { REDIS_URL: `redis://127.0.0.1:${await freePort()}` };
  const door = site.start(['proxy', '--wait-redis', '--no-admin'], { env: nowhere });
  const ended = finish(door);
  await until('it has handlers', () => handles(door.pid ?? 0, SIGHUP));
  door.kill('SIGTERM');
  expect(await ended).toMatchObject({ code: 0 });
});

/** Node has handlers of its own for SIGINT and SIGTERM. */
const SIGHUP = 1;

/** Whether a process has a handler for that signal. */
function handles(pid: number, signal: number): boolean {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const caught = BigInt(`0x${/^SigCgt:\s*(\w+)/m.exec(status)?.[1] ?? '0'}`);
  return ((caught >> BigInt(signal - 1)) & 1n) === 1n;
}
