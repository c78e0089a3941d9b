import { defaults } from '../../src/defaults.ts';
import { catSpec } from '../../src/model/app-spec.ts';
import type { ServeOptions } from '../../src/server/options.ts';

/** A server of the built-in app, in this process. */
export const catOptions: ServeOptions = {
  id: 'abc234',
  spec: catSpec,
  version: '0.0.0',
  listenHost: '127.0.0.1',
  fixedPort: null,
  firstPort: null,
  replaces: null,
  advertise: null,
  machine: { host: 'here', bootId: 'boot', pid: process.pid, pidStart: '1' },
  drainMs: 1_000,
  limits: defaults,
};
