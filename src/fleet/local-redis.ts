import type { ChildProcess } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { defaults } from '../config.ts';
import { StoreError } from '../errors.ts';
import { plain } from '../text.ts';
import { findRedis, localUrl, REDIS_ANSWER_MS, type RedisPlaces } from './find-redis.ts';
import { hasEnded, startDetached, terminate } from './launcher.ts';
import { tail } from './logs.ts';
import { identify, thisMachine } from './process-identity.ts';
import {
  prepareRedisFolder,
  readRun,
  redisConfig,
  redisFolder,
  redisLog,
  writeRun,
} from './redis-files.ts';
import { askOurs, askPid } from './redis-ping.ts';
import { findRedisProgram, notInstalled } from './redis-program.ts';
import { prepareStateFolder } from './state-folder.ts';

export { findRedis } from './find-redis.ts';

export interface RedisPlace extends RedisPlaces {
  /** For PATH. */
  readonly env: Readonly<Record<string, string>>;
  /** The port to try first. */
  readonly port?: number;
}

export interface EnsuredRedis {
  readonly url: string;
  readonly source: 'local' | 'probe';
  readonly started: boolean;
}

const START_MS = 10_000;
const HANG_MS = 1_000;
const STOP_MS = 10_000;
const POLL_MS = 20;
const MORE_PORTS = 100;
const TAIL_LINES = 3;

/**
 * The Redis that answers, else a redis-server of our own. The port is the lock: of several that
 * start at once all but one cannot bind it, end, and use the winner's. They share one password.
 * @throws StoreError where there is none to start, or it does not start
 */
export async function ensureRedis(place: RedisPlace): Promise<EnsuredRedis> {
  const found = await findRedis(place);
  if (found) return { ...found, started: false };
  const program = findRedisProgram(place.env.PATH ?? '');
  if (program === null) throw notInstalled(place.probeUrl);
  prepareStateFolder(place.home);
  const password = prepareRedisFolder(place.home);
  const first = readRun(place.home)?.port ?? place.port ?? defaults.localRedisPort;
  for (let port = first; port <= first + MORE_PORTS; port++) {
    const running = await runningOne(place.home, password);
    if (running !== null) return localRedis(running, password, false);
    const how = await startOn(port, program, place, password);
    if (how !== 'taken') return localRedis(port, password, how === 'started');
  }
  throw notStarted(place.home, `no port from ${first} to ${first + MORE_PORTS} is free`);
}

/** Ends the local Redis of this state folder. False if none runs. */
export async function stopLocalRedis(home: string): Promise<boolean> {
  const pid = processesOf(home)[0];
  if (pid === undefined) return false;
  await terminate({ pid, isIt: () => runs(pid, home) }, STOP_MS);
  return true;
}

function localRedis(port: number, password: string, started: boolean): EnsuredRedis {
  return { url: localUrl(port, password), source: 'local', started };
}

type Start = 'started' | 'joined' | 'taken';

async function startOn(
  port: number,
  program: string,
  { home, env }: RedisPlace,
  password: string,
): Promise<Start> {
  const child = startDetached({
    command: program,
    args: [redisConfig(home), '--port', String(port)],
    env: { PATH: env.PATH ?? '' },
    cwd: redisFolder(home),
    logFile: redisLog(home),
  });
  const answer = await waitFor(child, port, password, home);
  if (answer === 'stranger' || answer === 'silent') return 'taken';
  // Taken without a listener: somebody's outgoing connection has it.
  if (answer === 'nobody' && /already in use/.test(ending(child, home))) return 'taken';
  if (answer !== 'ours') throw notStarted(home, ending(child, home));
  const pid = await askPid(port, password, REDIS_ANSWER_MS);
  if (pid !== null) remember(home, port, pid);
  return pid === child.pid ? 'started' : 'joined';
}

/** What answers on the port once the child answers, or has ended and no other of ours is starting. */
async function waitFor(child: ChildProcess, port: number, password: string, home: string) {
  const end = performance.now() + START_MS;
  for (;;) {
    const alone = hasEnded(child) && processesOf(home).length === 0;
    const answer = await askOurs(port, password, REDIS_ANSWER_MS);
    if (answer === 'ours' || answer === 'stranger' || performance.now() > end) return answer;
    if (alone && answer !== 'loading') return answer;
    await pause(POLL_MS);
  }
}

function remember(home: string, port: number, pid: number): void {
  const pidStart = identify(pid)?.start ?? '';
  writeRun(home, { port, pid, pidStart, bootId: thisMachine().bootId });
}

// Two servers on one append-only file lose data, and one that hangs still has it open.
async function runningOne(home: string, password: string): Promise<number | null> {
  const [pid] = processesOf(home);
  if (pid === undefined) return null;
  const end = performance.now() + HANG_MS;
  while (runs(pid, home) && performance.now() < end) {
    const port = portOf(pid);
    if (port !== null && (await askOurs(port, password, REDIS_ANSWER_MS)) === 'ours') return port;
    await pause(POLL_MS);
  }
  if (!runs(pid, home)) return null;
  throw new StoreError(
    'unavailable',
    `the local Redis (pid ${pid}) runs and does not answer`,
    'Wait a moment, or end it with `meowctl down`',
  );
}

function portOf(pid: number): number | null {
  const words = identify(pid)?.commandLine ?? [];
  const port = Number(words[words.indexOf('--port') + 1]);
  return Number.isInteger(port) && port > 0 ? port : null;
}

function processesOf(home: string): number[] {
  const known = readRun(home)?.pid;
  const pids = existsSync('/proc/self') ? readdirSync('/proc').map(Number) : [known ?? 0];
  return pids.filter((pid) => pid > 0 && runs(pid, home));
}

// A pid proves nothing; the path of its settings in its command line does.
function runs(pid: number, home: string): boolean {
  return identify(pid)?.commandLine[1] === redisConfig(home);
}

function ending({ exitCode, signalCode }: ChildProcess, home: string): string {
  const last = tail(redisLog(home), TAIL_LINES).join(' ');
  return `redis-server ended (${exitCode ?? signalCode}) before it answered: ${last}`;
}

function notStarted(home: string, why: string): StoreError {
  const message = plain(why);
  return new StoreError('unavailable', message, `See ${redisLog(home)}`);
}
