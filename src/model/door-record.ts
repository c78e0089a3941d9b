import { isServerId } from '../ids.ts';
import {
  type Check,
  type Fields,
  isAmount,
  isCount,
  isName,
  isObject,
  isPid,
  isText,
  isTime,
  type Parsed,
  parseObject,
  wrongField,
} from './fields.ts';

const MAX_POISON = 20;
const MAX_CERTIFICATES = 100;

/** One door's word on one server. */
export interface DoorVerdict {
  readonly state: string;
  readonly reason: string;
}

/** What a door says of itself, and of each server. */
export interface DoorRecord {
  readonly id: string;
  readonly url: string;
  readonly host: string;
  readonly pid: number;
  readonly roster: Readonly<Record<string, DoorVerdict>>;
  /** What servers die of, as `GET /path`. */
  readonly poison?: readonly string[];
  /** Where its admin listener is, if it has one: `http://host:port`, as its own host reaches it. */
  readonly admin?: string;
  /** Totals of all requests through it. */
  readonly figures?: DoorTotals;
  /** Those that it shows to clients; none where it speaks no TLS. */
  readonly certificates?: readonly CertificateEnd[];
}

/** Until when a certificate is good. */
export interface CertificateEnd {
  /** The first host that it is for. */
  readonly name: string;
  /** Unix ms. */
  readonly endsAt: number;
}

export interface DoorTotals {
  /** Requests a second. */
  readonly rps: number;
  /** Null without a request. */
  readonly p99Ms: number | null;
  readonly inflight: number;
  /** Answers with 500 and more, so far. */
  readonly errors: number;
}

export function parseDoor(id: string, text: unknown): Parsed<DoorRecord> {
  const fields = parseObject(text);
  if (!fields) return { problem: 'not a JSON object' };
  const wrong = wrongField(fields, checks);
  if (fields.id !== id || wrong) return { problem: `its ${wrong ?? 'id'} is not valid` };
  const { poison: named, admin, figures, certificates, ...door } = fields as unknown as DoorRecord;
  const poison = Array.isArray(named) ? named.filter(isName).slice(0, MAX_POISON) : [];
  const roster = verdicts(door.roster);
  return {
    ok: {
      ...{ ...door, roster },
      ...(poison.length > 0 ? { poison } : {}),
      ...(isUrl(admin) ? { admin } : {}),
      ...totalsIn(figures),
      ...endsIn(certificates),
    },
  };
}

const checks: Record<'id' | 'url' | 'host' | 'pid', Check> = {
  id: isName,
  url: isName,
  host: isName,
  pid: isPid,
};

function totalsIn(value: unknown): Pick<DoorRecord, 'figures'> {
  if (!isObject(value)) return {};
  const { rps, p99Ms, inflight, errors } = value;
  const isWhole = isAmount(rps) && isCount(inflight) && isCount(errors);
  if (!isWhole || !(p99Ms === null || isAmount(p99Ms))) return {};
  return { figures: { rps, p99Ms, inflight, errors } };
}

function endsIn(value: unknown): Pick<DoorRecord, 'certificates'> {
  if (!Array.isArray(value)) return {};
  const certificates = value.slice(0, MAX_CERTIFICATES).flatMap((each: unknown) => {
    const { name, endsAt } = isObject(each) ? each : {};
    return isName(name) && isTime(endsAt) ? [{ name: String(name), endsAt }] : [];
  });
  return certificates.length > 0 ? { certificates } : {};
}

function isUrl(value: unknown): value is string {
  return isName(value) && /^http:\/\/[\w.:[\]-]+$/.test(String(value));
}

function verdicts(value: unknown): Record<string, DoorVerdict> {
  const roster: Record<string, DoorVerdict> = {};
  if (typeof value !== 'object' || value === null) return roster;
  for (const [id, verdict] of Object.entries(value as Fields)) {
    const { state, reason } = (verdict ?? {}) as Fields;
    if (isServerId(id) && isText(state) && isText(reason)) {
      roster[id] = { state: String(state), reason: String(reason) };
    }
  }
  return roster;
}
