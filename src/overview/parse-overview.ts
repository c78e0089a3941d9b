import type { Overview } from '../model/overview.ts';

type Fields = Readonly<Record<string, unknown>>;
type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === 'string';
const isNumber: Check = (value) => typeof value === 'number' && Number.isFinite(value);
const isNumberOrNone: Check = (value) => value === null || isNumber(value);
const isNumbers: Check = (value) => Array.isArray(value) && value.every(isNumberOrNone);
const isBoolean: Check = (value) => typeof value === 'boolean';

/** The overview that a door sent; null where the text is not a valid one: of another version, or cut off. */
export function parseOverview(text: string): Overview | null {
  try {
    const value: unknown = JSON.parse(text);
    return isOverview(value) ? (value as unknown as Overview) : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function isOverview(value: unknown): value is Fields {
  return fits(value, {
    at: isNumber,
    door: (door) => fits(door, { ...texts('id', 'url', 'host'), pid: isNumber }),
    redis: (redis) =>
      fits(redis, { connected: isBoolean, since: isNumberOrNone, latencyMs: isNumberOrNone }),
    totals: (totals) => fits(totals, totalChecks),
    servers: (servers) =>
      Array.isArray(servers) && servers.every((each) => fits(each, serverChecks)),
    doors: (doors) => Array.isArray(doors) && doors.every((each) => fits(each, doorChecks)),
    queue: (queue) => queue === null || fits(queue, numbers('pictures', 'bytes', 'delivering')),
    history: (history) => fits(history, { rps: isNumbers, p99Ms: isNumbers }),
  });
}

function fits(value: unknown, checks: Readonly<Record<string, Check>>): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(checks).every(([name, check]) => check((value as Fields)[name]));
}

function texts(...names: string[]): Record<string, Check> {
  return Object.fromEntries(names.map((name) => [name, isText]));
}

function numbers(...names: string[]): Record<string, Check> {
  return Object.fromEntries(names.map((name) => [name, isNumber]));
}

function numbersOrNone(...names: string[]): Record<string, Check> {
  return Object.fromEntries(names.map((name) => [name, isNumberOrNone]));
}

const totalChecks = {
  ...numbers('servers', 'up', 'rps', 'inflight'),
  ...numbersOrNone('p50Ms', 'p99Ms', 'errorsPerSecond', 'webSockets', 'streams'),
  ...numbersOrNone('retriesPerSecond'),
};

const doorChecks = { ...texts('id', 'url', 'host'), pid: isNumber, rps: isNumberOrNone };

const serverChecks = {
  ...texts('id', 'url', 'host', 'app', 'version', 'state', 'reason'),
  here: isBoolean,
  door: (value: unknown) => value === null || isText(value),
  ...numbers('port', 'pid', 'startedAt', 'requests', 'rps', 'inflight'),
  ...numbersOrNone('errors', 'errorsPerSecond'),
  ...numbersOrNone('p50Ms', 'p99Ms', 'rss', 'cpu', 'heap', 'loopMs', 'restarts'),
  history: isNumbers,
};
