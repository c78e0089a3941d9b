import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findPeer } from './debian.mjs';
import { nginxArgs, nginxPlaces } from './nginx.mjs';
import { freePort, startListening, startTelling } from './programs.mjs';

const bin = fileURLToPath(new URL('../../bin/meowctl.js', import.meta.url));

/**
 * @typedef {object} Door a running contender
 * @property {string} name
 * @property {number} pid
 * @property {string} url
 * @property {() => Promise<void>} [stop]
 */

/** Doors written in Node with a library of others: the name in the table, and the program. */
export const nodeDoors = {
  'http-proxy': 'door-http-proxy',
  'http-proxy keep-alive': 'door-http-proxy-keep-alive',
  'http-proxy-middleware': 'door-http-proxy-middleware',
  httpxy: 'door-httpxy',
  'fast-proxy': 'door-fast-proxy',
  'bare undici': 'door-undici',
};

/** @returns {Promise<Door>} */
export async function startNodeDoor(world, name, backends) {
  const program = fileURLToPath(new URL(`../programs/${nodeDoors[name]}.mjs`, import.meta.url));
  const door = await startTelling(world.node, [program, ...backends], { env: world.env });
  world.atEnd(door.stop);
  return { name, pid: door.pid, url: `http://127.0.0.1:${door.said.port}` };
}

/** @returns {Promise<Door>} */
export async function startMeowctlDoor(world, name, namespace, from = bin, flags = ['--no-admin']) {
  const port = await freePort();
  const args = [from, 'proxy', '--port', String(port), ...flags];
  const env = { ...world.env, MEOW_NAMESPACE: namespace };
  return listening(world, name, world.node, args, port, env);
}

/** @returns {Promise<Door | null>} null where nginx is not installed */
export async function startNginx(world, backends) {
  const peer = await findPeer(world, 'nginx');
  if (peer === null) return null;
  const port = await freePort();
  const file = join(world.folder, 'nginx.conf');
  writeFileSync(file, nginxConf(world.folder, port, backends));
  const args = nginxArgs(world.folder, file);
  return listening(world, 'nginx', peer.command, args, port, peer.env);
}

/** @returns {Promise<Door | null>} null where HAProxy is not installed */
export async function startHaproxy(world, backends, threads = 1, detached = false) {
  const peer = await findPeer(world, 'haproxy');
  if (peer === null) return null;
  const port = await freePort();
  const file = join(world.folder, `haproxy-${port}.cfg`);
  writeFileSync(file, haproxyCfg(port, backends, threads));
  const args = ['-db', '-q', '-f', file];
  return listening(world, 'haproxy', peer.command, args, port, peer.env, detached);
}

async function listening(world, name, command, args, port, env, detached = false) {
  const door = await startListening(command, args, port, { env, detached });
  world.atEnd(door.stop);
  return { name, pid: door.pid, url: `http://127.0.0.1:${port}`, stop: door.stop };
}

function nginxConf(folder, port, backends) {
  const { pid, temporary } = nginxPlaces(folder, 'nginx');
  return `
daemon off; master_process off; worker_processes 1; ${pid}
events { worker_connections 4096; }
http {
  access_log off;
  ${temporary}
  client_body_buffer_size 128k;
  keepalive_requests 1000000000;
  upstream fleet {
    ${backends.map((url) => `server ${new URL(url).host};`).join('\n    ')}
    keepalive 512; keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port} backlog=1024;
    location / {
      proxy_pass http://fleet;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Request-Id $request_id;
    }
  }
}
`;
}

function haproxyCfg(port, backends, threads) {
  return `
global
  maxconn 4096
  nbthread ${threads}
defaults
  mode http
  option forwardfor
  http-reuse always
  timeout connect 1s
  timeout client 75s
  timeout server 30s
frontend door
  bind 127.0.0.1:${port}
  default_backend fleet
backend fleet
  balance roundrobin
  ${backends.map((url, n) => `server s${n} ${new URL(url).host}`).join('\n  ')}
`;
}
