import { defaults } from '../../defaults.ts';
import type { AppSpec } from '../../model/app-spec.ts';
import type { SignedIntent } from '../../model/desired-server.ts';
import type { SpawnOptions } from './spawn.ts';

/** The same server once more, on the same port, or the next free one if it may choose. */
export function asBefore(intent: SignedIntent): SpawnOptions {
  const { spec, port, fixedPort, listenHost, advertise, ofUp = false } = intent;
  const where = fixedPort ? { fixedPort: port } : { firstPort: port };
  return { ...anew(1, spec), ...where, listenHost, advertise, ofUp, replaces: intent };
}

/** `count` servers as `spawn` without flags starts them. */
export function anew(count: number, spec: AppSpec): SpawnOptions {
  return {
    count,
    spec,
    fixedPort: null,
    listenHost: defaults.serverHost,
    advertise: null,
    readyTimeoutMs: spec.readyMs ?? defaults.readyTimeoutMs,
  };
}
