import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { findPeer } from '../lib/debian.mjs';
import { children } from '../lib/proc.mjs';
import { freePort, startListening } from '../lib/programs.mjs';
import { until } from '../lib/until.mjs';
import { createBackends, SERVERS } from './backends.mjs';

/**
 * HAProxy with health checks, retries on another server (of a GET also when the server breaks), a
 * drain by its runtime API, and reloads that hand over the listening sockets and leave clients'
 * idle connections open.
 * @type {import('./contenders.mjs').Start}
 */
export async function startHaproxy(world, notes) {
  const peer = await findPeer(world, 'haproxy');
  if (peer === null) return null;
  const port = await freePort();
  const backends = createBackends(world, notes);
  const servers = [];
  for (let n = 0; n < SERVERS; n += 1) servers.push(await backends.open());
  const [file, socket] = ['haproxy.cfg', 'haproxy.sock'].map((name) => join(world.folder, name));
  writeFileSync(file, config(socket, port, servers));
  const haproxy = await startListening(peer.command, ['-W', '-db', '-q', '-f', file], port, peer);
  world.atEnd(haproxy.stop);
  const leave = async (n) => {
    await tell(socket, `set server fleet/s${n} state drain`);
    await until('it has drained', async () => (await state(socket, n)).scur === '0');
    await backends.close(servers[n]);
  };
  const comeBack = async (n) => {
    await backends.reopen(servers[n]);
    await tell(socket, `set server fleet/s${n} state ready`);
    await until('it is up', async () => (await state(socket, n)).status === 'UP');
  };
  return {
    url: `http://127.0.0.1:${port}/`,
    async roll() {
      for (let n = 0; n < SERVERS; n += 1) {
        await leave(n);
        await comeBack(n);
      }
    },
    retire: () => leave(0),
    grow: () => comeBack(0),
    async reload() {
      const old = children(haproxy.pid);
      process.kill(haproxy.pid, 'SIGUSR2');
      // The old one stays until its clients' idle connections have ended.
      await until('a new worker', () => children(haproxy.pid).some((pid) => !old.includes(pid)));
    },
  };
}

async function tell(path, command) {
  const socket = connect(path).setEncoding('utf8');
  let said = '';
  socket.on('data', (text) => {
    said += text;
  });
  socket.end(`${command}\n`);
  await once(socket, 'close');
  return said;
}

async function state(socket, n) {
  const [head, ...lines] = (await tell(socket, 'show stat')).trim().split('\n');
  const names = head.replace('# ', '').split(',');
  const line = lines.map((text) => text.split(',')).find((cells) => cells[1] === `s${n}`) ?? [];
  return Object.fromEntries(names.map((name, column) => [name, line[column]]));
}

function config(socket, port, servers) {
  return `
global
  maxconn 4096
  stats socket ${socket} mode 600 level admin expose-fd listeners
defaults
  mode http
  option forwardfor
  retries 3
  option redispatch 1
  option idle-close-on-response
  retry-on conn-failure empty-response
  timeout connect 1s
  timeout client 75s
  timeout server 30s
frontend door
  bind 127.0.0.1:${port}
  http-request disable-l7-retry if METH_POST
  default_backend fleet
backend fleet
  balance roundrobin
  option httpchk GET /healthz
  default-server check inter 500ms fall 2 rise 2
  ${servers.map((server, n) => `server s${n} 127.0.0.1:${server.port}`).join('\n  ')}
`;
}
