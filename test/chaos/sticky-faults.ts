import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { io } from 'socket.io-client';
import { expect } from 'vitest';
import { until } from '../helpers/until.ts';
import { type Scenario, seconds } from './scenario.ts';

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
    const { code } = await world.site.run(['restart', '--timeout', '2']);
    expect(code).toBe(0);
    await until('all talk to new ones', async () =>
      (await who()).every((pid: string) => pid !== '' && !before.has(pid)),
    );
    disconnect();
    return `${CLIENTS} of ${CLIENTS}; all on new servers ${seconds(performance.now() - began)} after it began`;
  },
};

export const stickyFaults: readonly Scenario[] = [rolledSockets];
