import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { io } from 'socket.io-client';
import { expect } from 'vitest';
import { browserProgram, needs } from '../helpers/needs.ts';
import { until } from '../helpers/until.ts';
import { type Scenario, Skipped, seconds } from './scenario.ts';

const CLIENTS = 16;
const LIBRARY = new URL('../../node_modules/socket.io/wrapper.mjs', import.meta.url);
const APP = `import { createServer } from 'node:http';
import { Server } from '${LIBRARY}';
const server = createServer((request, response) => response.end('fine'));
const id = String(process.pid);
new Server(server).on('connection', (socket) => socket.on('who', (reply) => reply(id)));
export default server;`;

const rolledSockets: Scenario = {
  fault: `rolling restart under ${CLIENTS} socket.io clients with their defaults, --sticky`,
  expected: 'all connect and upgrade; all talk to the new servers afterwards',
  quick: false,
  async run(world) {
    const app = join(world.site.home, 'rooms.mjs');
    writeFileSync(app, APP);
    const door = await world.openDoor({ flags: ['--sticky'] });
    const rows = await world.spawn(['3', '--app', app]);
    await world.used();
    const failed: string[] = [];
    const clients = Array.from({ length: CLIENTS }, () =>
      io(door.url, { withCredentials: true, forceNew: true }),
    );
    for (const client of clients) client.on('connect_error', ({ message }) => failed.push(message));
    const disconnect = () => {
      for (const client of clients) client.disconnect();
    };
    world.atEnd(disconnect);
    const upgraded = () =>
      clients.filter(({ io: { engine } }) => engine?.transport?.name === 'websocket').length;
    await until('all have upgraded', () => upgraded() === CLIENTS);
    expect(failed).toEqual([]);
    const who = () =>
      Promise.all(
        clients.map((client) =>
          client
            .timeout(60_000)
            .emitWithAck('who')
            .catch(() => ''),
        ),
      );
    const before = new Set<string>(await who());
    expect([...before].sort()).toEqual(rows.map(({ pid }) => String(pid)).sort());
    const began = performance.now();
    const { code } = await world.site.run(['restart', '--drain-timeout', '2']);
    expect(code).toBe(0);
    await until('all talk to new ones', async () =>
      (await who()).every((pid: string) => pid !== '' && !before.has(pid)),
    );
    disconnect();
    return `${CLIENTS} of ${CLIENTS}; all on new servers ${seconds(performance.now() - began)} after it began`;
  },
};

const PAGE = `<!doctype html><script src="/socket.io/socket.io.js"></script><script>
const socket = io();
const tell = (what) => fetch('/told?' + what);
socket.on('connect_error', ({ message }) => tell('failed ' + message));
socket.on('connect', () => socket.io.engine.on('upgrade', async ({ name }) => {
  await tell(name);
  for (let at = 0; at < 20; at += 1) await tell('asked ' + (await socket.emitWithAck('who')));
  tell('done');
}));
</script>`;
const BROWSED = APP.replace(
  "response.end('fine')",
  `{
  if (request.url.startsWith('/told?')) appendFileSync('told.txt', decodeURIComponent(request.url.slice(6)) + '\\n');
  response.setHeader('Content-Type', 'text/html').end(${JSON.stringify(PAGE)});
}`,
).replace('import', "import { appendFileSync } from 'node:fs';\nimport");
const BROWSERS = 3;

const browsers: Scenario = {
  fault: `${BROWSERS} Chromiums, one after another, with a page that uses socket.io's defaults, --sticky`,
  expected: 'each connects, upgrades to a WebSocket, and talks to one server',
  quick: false,
  async run(world) {
    if (!needs.chromium.isHere()) throw new Skipped(needs.chromium.what);
    const app = join(world.site.home, 'page.mjs');
    writeFileSync(app, BROWSED);
    const door = await world.openDoor({ flags: ['--sticky'] });
    await world.spawn(['3', '--app', app, '--cwd', world.site.home]);
    await world.used();
    const servers = new Set<string>();
    for (let at = 0; at < BROWSERS; at += 1) {
      const told = await browse(world.site.home, door.url, String(at));
      const asked = new Set(told.filter((line) => line.startsWith('asked ')));
      expect([told[0], asked.size, told.at(-1)]).toEqual(['websocket', 1, 'done']);
      for (const server of asked) servers.add(server);
    }
    return `${BROWSERS} of ${BROWSERS} upgraded, on ${servers.size} servers`;
  },
};

/** Opens the page with a profile of its own, until it has said all. */
async function browse(home: string, url: string, profile: string): Promise<string[]> {
  const file = join(home, 'told.txt');
  writeFileSync(file, '');
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'];
  const child = spawn(browserProgram(), [...flags, `--user-data-dir=${join(home, profile)}`, url], {
    env: { ...process.env, HOME: home, TMPDIR: home },
    stdio: 'ignore',
    detached: true,
  });
  const told = () => readFileSync(file, 'utf8').trim().split('\n');
  try {
    return await until('the page has said all', () => told().includes('done') && told());
  } finally {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    if (child.pid) process.kill(-child.pid, 'SIGKILL');
    await ended;
  }
}

export const stickyFaults: readonly Scenario[] = [rolledSockets, browsers];
