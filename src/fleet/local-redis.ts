import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { defaults } from '../config.ts';
import { StoreError } from '../errors.ts';
import { parseRedisUrl } from '../store/redis-url.ts';
import { terminate } from './launcher.ts';
import { tail } from './logs.ts';
import { identify } from './process-identity.ts';
import { makeFolder, prepareStateFolder } from './state-folder.ts';

export interface RedisPlace {
  /** The state folder. */
  readonly home: string;
  /** Where one is looked for when no local one runs. */
  readonly probeUrl: string;
  /** For PATH. */
  readonly env: Readonly<Record<string, string>>;
}

export interface FoundRedis {
  readonly url: string;
  readonly source: 'local' | 'probe';
}

/** What is written of the Redis we started. */
interface Mark {
  readonly port: number;
  readonly password: string;
}

const ANSWER_MS = 500;
const START_MS = 5_000;
const STOP_MS = 10_000;
const POLL_MS = 25;
const LAST_PORT = defaults.localRedisPort + 100;

/** The Redis to use where none is named: the local one, else the usual address; null if none answers. */
export async function findRedis({ home, probeUrl }: RedisPlace): Promise<FoundRedis | null> {
  const mark = readMark(home);
  if (mark && (await isOurs(mark))) return { url: urlOf(mark), source: 'local' };
  const { host, port } = parseRedisUrl(probeUrl, 'MEOW_REDIS_PROBE');
  const said = await ask(host, port, 'PING\r\n');
  return said === null ? null : { url: probeUrl, source: 'probe' };
}

/**
 * The same, and where none answers a redis-server of our own is started. The port is the lock: of
 * two that start at once one cannot bind it, ends, and its caller uses the other's.
 * @throws StoreError when there is no redis-server to start, or it does not start
 */
export async function ensureRedis(place: RedisPlace): Promise<FoundRedis> {
  const found = await findRedis(place);
  if (found) return found;
  const program = onPath(place.env.PATH ?? '');
  if (program === null) throw notInstalled();
  prepareStateFolder(place.home);
  makeFolder(folder(place.home));
  const password = ownPassword(place.home);
  for (
    let port = readMark(place.home)?.port ?? defaults.localRedisPort;
    port <= LAST_PORT;
    port++
  ) {
    const mark = { port, password };
    if (await startOn(program, place, mark)) {
      writePrivately(markFile(place.home), JSON.stringify(mark));
      return { url: urlOf(mark), source: 'local' };
    }
  }
  throw notStarted(place.home);
}

/** Ends the Redis we started. False if none runs. */
export async function stopLocalRedis(home: string): Promise<boolean> {
  const mark = readMark(home);
  if (!mark || !(await isOurs(mark))) return false;
  const pid = Number(await infoPid(mark));
  const isIt = () => {
    const found = identify(pid);
    // redis-server writes its title over its arguments: `redis-server 127.0.0.1:16379`.
    return found?.commandLine.some((word) => word.includes(`127.0.0.1:${mark.port}`)) ?? false;
  };
  await terminate({ pid, isIt }, STOP_MS);
  return true;
}

async function startOn(program: string, place: RedisPlace, mark: Mark): Promise<boolean> {
  if (await isOurs(mark)) return true;
  if ((await ask('127.0.0.1', mark.port, 'PING\r\n')) !== null) return false;
  writePrivately(configFile(place.home, mark.port), settings(place.home, mark));
  const log = openSync(logFile(place.home), 'a', 0o600);
  const child = spawn(program, [configFile(place.home, mark.port)], {
    cwd: folder(place.home),
    detached: true,
    stdio: ['ignore', log, log],
    env: { PATH: place.env.PATH ?? '' },
  });
  closeSync(log);
  child.on('error', () => {});
  child.unref();
  const end = performance.now() + START_MS;
  while (performance.now() < end) {
    if (await isOurs(mark)) return true;
    // Ended: the port went to somebody else, perhaps to one of ours that now starts.
    if (child.exitCode !== null) return isOurs(mark);
    await pause(POLL_MS);
  }
  return false;
}

function settings(home: string, { port, password }: Mark): string {
  return [
    'bind 127.0.0.1',
    `port ${port}`,
    `requirepass ${password}`,
    `dir "${folder(home)}"`,
    'appendonly yes',
    'save ""',
    'maxmemory-policy noeviction',
    'daemonize no',
    '',
  ].join('\n');
}

/** Ours answers to our password; a stranger on that port does not. */
async function isOurs({ port, password }: Mark): Promise<boolean> {
  const said = await ask('127.0.0.1', port, `AUTH ${password}\r\nPING\r\n`, /PONG|-\w+/);
  return said?.includes('+PONG') ?? false;
}

async function infoPid({ port, password }: Mark): Promise<string> {
  const said = await ask(
    '127.0.0.1',
    port,
    `AUTH ${password}\r\nINFO server\r\n`,
    /process_id:\d+\r/,
  );
  return /process_id:(\d+)/.exec(said ?? '')?.[1] ?? '';
}

/** What a port answers, up to `until`; null when nothing comes. */
function ask(host: string, port: number, text: string, until = /\n/): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: ANSWER_MS });
    let said = '';
    const end = (answer: string | null) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => socket.write(text));
    socket.on('data', (chunk) => {
      said += chunk.toString('latin1');
      if (until.test(said)) end(said);
    });
    socket.once('timeout', () => end(null));
    socket.once('error', () => end(null));
    socket.once('end', () => end(said === '' ? null : said));
  });
}

function onPath(path: string): string | null {
  const places = path.split(delimiter).filter((dir) => dir !== '');
  const programs = ['redis-server', 'valkey-server'].flatMap((name) =>
    places.map((dir) => join(dir, name)),
  );
  return programs.find((program) => existsSync(program)) ?? null;
}

function ownPassword(home: string): string {
  return readMark(home)?.password ?? randomBytes(24).toString('hex');
}

function readMark(home: string): Mark | null {
  if (!existsSync(markFile(home))) return null;
  const match = /^\{"port":(\d{1,5}),"password":"([0-9a-f]{48})"\}$/.exec(
    readFileSync(markFile(home), 'utf8'),
  );
  return match ? { port: Number(match[1]), password: match[2] ?? '' } : null;
}

function writePrivately(file: string, text: string): void {
  rmSync(file, { force: true });
  writeFileSync(file, text, { mode: 0o600 });
}

const folder = (home: string) => join(home, 'redis');
const markFile = (home: string) => join(folder(home), 'local.json');
const configFile = (home: string, port: number) => join(folder(home), `redis-${port}.conf`);
const logFile = (home: string) => join(folder(home), 'redis.log');

function urlOf({ port, password }: Mark): string {
  return `redis://:${password}@127.0.0.1:${port}`;
}

function notInstalled(): StoreError {
  return new StoreError(
    'unavailable',
    'no Redis answers, and neither redis-server nor valkey-server is installed',
    'Run: sudo apt-get install redis-server (or: brew install redis), or set REDIS_URL',
  );
}

function notStarted(home: string): StoreError {
  const last = tail(logFile(home), 1).join('');
  return new StoreError(
    'unavailable',
    `redis-server does not start: ${last}`,
    `See ${logFile(home)}`,
  );
}
