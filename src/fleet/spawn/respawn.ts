import type { AppSpec } from '../../model/app-spec.ts';
import type { SignedServer } from '../../model/desired-server.ts';
import type { SpawnSettings } from './serve-command.ts';
import type { SpawnOptions } from './spawn.ts';

type Usual = Pick<SpawnSettings, 'readyTimeoutMs' | 'serverHost'>;

/** The same server once more, on the same port, or the next free one if it may choose. */
export function asBefore(desired: SignedServer, usual: Usual): SpawnOptions {
  const { spec, port, fixedPort, listenHost, advertise, ofUp = false } = desired;
  const where = fixedPort ? { fixedPort: port } : { firstPort: port };
  return { ...anew(1, spec, usual), ...where, listenHost, advertise, ofUp, replaces: desired };
}

/** `count` servers as `spawn` without flags starts them. */
export function anew(count: number, spec: AppSpec, usual: Usual): SpawnOptions {
  return {
    count,
    spec,
    fixedPort: null,
    listenHost: usual.serverHost,
    advertise: null,
    readyTimeoutMs: spec.readyMs ?? usual.readyTimeoutMs,
  };
}
