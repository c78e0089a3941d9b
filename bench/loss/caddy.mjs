import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findPeer } from '../lib/debian.mjs';
import { freePort, run, startListening } from '../lib/programs.mjs';
import { createReloaded } from './reloaded.mjs';

/**
 * Caddy with health checks and retries, which are off by default; servers changed by `caddy reload`.
 * @type {import('./contenders.mjs').Start}
 */
export async function startCaddy(world, notes) {
  const peer = await findPeer(world, 'caddy');
  if (peer === null) return null;
  const env = { ...peer.env, HOME: world.folder, XDG_DATA_HOME: '', XDG_CONFIG_HOME: '' };
  const [port, admin] = [await freePort(), await freePort()];
  const file = join(world.folder, 'Caddyfile');
  let runs = false;
  const servers = await createReloaded(world, notes, async (ports) => {
    writeFileSync(file, config(port, admin, ports));
    const args = ['reload', '--config', file, '--address', `127.0.0.1:${admin}`, '--force'];
    if (runs) await run(peer.command, args, { env });
  });
  const args = ['run', '--config', file];
  const caddy = await startListening(peer.command, args, port, { env });
  world.atEnd(caddy.stop);
  runs = true;
  return { url: `http://127.0.0.1:${port}/`, ...servers };
}

function config(port, admin, ports) {
  return `{
  admin 127.0.0.1:${admin}
  auto_https off
}
http://:${port} {
  bind 127.0.0.1
  reverse_proxy ${ports.map((own) => `127.0.0.1:${own}`).join(' ')} {
    lb_policy round_robin
    lb_try_duration 5s
    fail_duration 2s
    health_uri /healthz
    health_interval 500ms
  }
}
`;
}
