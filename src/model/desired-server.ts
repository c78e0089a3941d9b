import { isServerId } from '../ids.ts';
import { type AppSpec, catSpec, parseSpec } from './app-spec.ts';
import {
  type Check,
  isAddress,
  isBoolean,
  isCount,
  isHostIdOrNone,
  isName,
  isPid,
  isPort,
  isText,
  isTextOrNone,
  isTokenOrNone,
  known,
  type Parsed,
  parseObject,
  wrongField,
} from './fields.ts';
import { type Place, placeOf } from './place.ts';
import type { ServerRecord } from './server-record.ts';

/**
 * A desired server: what was asked for. Outlives crashes and reboots. Signed as a whole by the host
 * it is for: see state/signature.ts. 0.1.0 signed the spec alone, and wrote neither of the first four
 * fields.
 */
export interface DesiredServer extends Place {
  readonly id?: string;
  /** The registry it was signed for: see `Registry.id`. */
  readonly registry?: string;
  readonly namespace?: string;
  readonly seal?: string;
  /** Its app in a few words, for people; `spec` is what it is started from. */
  readonly app: string;
  readonly spec: AppSpec;
  /** The process that last served it. */
  readonly pid: number;
  readonly pidStart: string;
  readonly port: number;
  readonly fixedPort: boolean;
  readonly listenHost: string;
  readonly advertise: string | null;
  /** Started by `up`, or in place of one that was: it goes when `up` ends. */
  readonly ofUp?: boolean;
  /** The id of the server whose place it took. */
  readonly replaces?: string;
  /** How often it was started again after its end. */
  readonly restarts?: number;
  readonly state: 'wanted' | 'stopped' | 'crashed';
}

/** A desired server that carries all that a signature covers, and the signature. */
export type SignedServer = DesiredServer &
  Required<Pick<DesiredServer, 'id' | 'hostId' | 'registry' | 'namespace' | 'seal'>>;

/** The record of a desired server that has none: made up from what was asked for. */
export function recordOfDesired(id: string, desired: DesiredServer): ServerRecord {
  const { port, pid, pidStart, app } = desired;
  const url = `http://${desired.advertise ?? desired.listenHost}:${port}`;
  const unknown = { version: '', startedAt: 0, requests: 0, inflight: 0 };
  return { id, url, ...placeOf(desired), port, pid, pidStart, app, state: 'draining', ...unknown };
}

export function parseDesiredServer(id: string, text: unknown): Parsed<DesiredServer> {
  const fields = parseObject(text);
  if (!fields) return { problem: 'not a JSON object' };
  if (!isServerId(id)) return { problem: 'its id is not a server id' };
  if (fields.id !== undefined && fields.id !== id) {
    return { problem: 'it was written for another id' };
  }
  const wrong = wrongField(fields, checks);
  if (wrong) return { problem: `its ${wrong} is not valid` };
  // Older than `--app`: it can only have been a cat.
  const spec = fields.spec === undefined ? { ok: catSpec } : parseSpec(fields.spec);
  if ('problem' in spec) return { problem: `its app's ${spec.problem} is not valid` };
  return { ok: { ...(known(fields, checks) as DesiredServer), spec: spec.ok } };
}

const checks: Record<Exclude<keyof DesiredServer, 'spec'>, Check> = {
  id: isTokenOrNone,
  registry: isTokenOrNone,
  namespace: isTokenOrNone,
  seal: isTokenOrNone,
  app: isName,
  host: isName,
  hostId: isHostIdOrNone,
  bootId: isText,
  pidNs: isTextOrNone,
  pid: isPid,
  pidStart: isText,
  port: isPort,
  fixedPort: isBoolean,
  listenHost: isAddress,
  advertise: (value) => value === null || isAddress(value),
  restarts: (value) => value === undefined || isCount(value),
  ofUp: (value) => value === undefined || isBoolean(value),
  replaces: (value) => value === undefined || (typeof value === 'string' && isServerId(value)),
  state: (value) => value === 'wanted' || value === 'stopped' || value === 'crashed',
};
