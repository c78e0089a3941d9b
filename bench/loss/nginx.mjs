import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findPeer } from '../lib/debian.mjs';
import { nginxArgs, nginxPlaces } from '../lib/nginx.mjs';
import { children } from '../lib/proc.mjs';
import { freePort, run, startListening } from '../lib/programs.mjs';
import { until } from '../lib/until.mjs';
import { createReloaded } from './reloaded.mjs';

/**
 * nginx as its documentation has it: kept-alive upstreams, proxy_next_upstream as it is by default
 * (a POST is not sent again), servers changed by a new config and `nginx -s reload`.
 * @type {import('./contenders.mjs').Start}
 */
export async function startNginx(world, notes) {
  const peer = await findPeer(world, 'nginx');
  if (peer === null) return null;
  const { command, env } = peer;
  const port = await freePort();
  const file = join(world.folder, 'loss-nginx.conf');
  const args = nginxArgs(world.folder, file);
  /** @type {number | null} */
  let master = null;
  const servers = await createReloaded(world, notes, async (ports) => {
    writeFileSync(file, config(world.folder, port, ports));
    if (master === null) return;
    const old = children(master);
    await run(command, [...args, '-s', 'reload'], { env });
    await until('the old workers end', () => !children(master).some((pid) => old.includes(pid)));
  });
  const nginx = await startListening(command, args, port, { env });
  world.atEnd(nginx.stop);
  master = nginx.pid;
  return { url: `http://127.0.0.1:${port}/`, ...servers };
}

function config(folder, port, ports) {
  const { pid, temporary } = nginxPlaces(folder, 'loss-nginx');
  return `
daemon off; worker_processes auto; ${pid}
events { worker_connections 4096; }
http {
  access_log off;
  ${temporary}
  upstream fleet {
    zone fleet 64k;
    ${ports.map((own) => `server 127.0.0.1:${own};`).join('\n    ')}
    keepalive 64;
  }
  server {
    listen 127.0.0.1:${port} backlog=1024;
    location / {
      proxy_pass http://fleet;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
    }
  }
}
`;
}
