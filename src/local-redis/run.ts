import type { ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import { FailedError, StoreError } from '../errors.ts';
import { tail } from '../logs/files.ts';
import { bootId, identify } from '../process/identity.ts';
import { startDetached } from '../process/launcher.ts';
import { hasEnded, sendSignal, stopChild, terminate } from '../process/terminate.ts';
import { prepareStateFolder } from '../state/folder.ts';
import { quote } from '../text.ts';
import { monotonicClock, until } from '../time/until.ts';
import {
  prepareRedisFolder,
  type RedisRun,
  readRun,
  redisConfig,
  redisFolder,
  redisLog,
  writeRun,
} from './files.ts';
import {
  type FoundRedis,
  findRedis,
  localUrl,
  type RedisPlaces,
  type RedisSettings,
} from './find.ts';
import { type Answer, askOurs, askPid } from './ping.ts';
import { findRedisProgram, notInstalled } from './program.ts';
import { findRun, isRun } from './recorded-run.ts';

export { findRedis } from './find.ts';

export interface RedisStart extends RedisPlaces {
  /** The environment it gets; its PATH is where the program is looked for. */
  readonly env: Readonly<Record<string, string>>;
  /** The first port to try. */
  readonly port?: number;
}

export interface EnsuredRedis extends FoundRedis {
  readonly started: boolean;
}

interface Start extends RedisStart {
  readonly program: string;
  readonly password: string;
}

const POLL_MS = 20;

/**
 * The Redis to use: one that answers, else a local one that is started for it.
 * @throws StoreError when none can be had, FailedError when the state folder cannot be used
 */
export async function ensureRedis(options: RedisStart): Promise<EnsuredRedis> {
  const found = await findRedis(options);
  if (found) return { ...found, started: false };
  const start = prepare(options);
  return (await waitForOurs(start)) ?? (await startOnFreePort(start));
}

/**
 * Starts the local Redis again where its process is gone, on its own port: its servers know no other.
 * @returns whether it was gone
 * @throws StoreError when it does not start
 */
export async function reviveLocalRedis(options: RedisStart): Promise<boolean> {
  const run = readRun(options.home);
  if (!run || isRun(options.home, run)) return false;
  if (await startOn(run.port, prepare(options))) return true;
  const message = `the local Redis ended, and its port ${run.port} is somebody else's now`;
  throw new StoreError('unavailable', message, 'Free that port');
}

function prepare(options: RedisStart): Start {
  const program = findRedisProgram(options.env.PATH ?? '');
  if (program === null) throw notInstalled(options.probeUrl);
  prepareStateFolder(options.home);
  return { ...options, program, password: prepareRedisFolder(options.home) };
}

/**
 * Ends the local Redis, if it is one that was started from this state folder, and waits for it.
 * @returns whether there was one
 * @throws FailedError when it does not end
 */
export async function stopLocalRedis(home: string, settings: RedisSettings): Promise<boolean> {
  const run = await findRun(home, settings);
  if (!run) return false;
  // One that is stopped hears nothing.
  if (isRun(home, run)) sendSignal(run.pid, 'SIGCONT');
  const target = { pid: run.pid, isIt: () => isRun(home, run) };
  const ending = await terminate(target, settings.localRedisStopMs);
  if (ending !== 'alive') return ending !== 'gone';
  const message = `the local Redis (pid ${run.pid}) does not end`;
  throw new FailedError('not-gone', message, `Its log is ${quote(redisLog(home))}`);
}

/** A local Redis that lives but did not answer must never get a second one on its files. */
async function waitForOurs(start: Start): Promise<EnsuredRedis | null> {
  const run = readRun(start.home);
  if (!run) return null;
  const look = async () => {
    if (!isRun(start.home, run)) return 'ended';
    const answer = await askOurs(run.port, start.password, start.settings.localRedisAnswerMs);
    return answer === 'ours' ? answer : null;
  };
  const found = await until(look, { everyMs: POLL_MS, withinMs: start.settings.readyTimeoutMs });
  if (found === null) throw doesNotAnswer(run, start);
  return found === 'ours' ? ensured(run.port, start, false) : null;
}

/** The port is the lock: every start tries the same ports in the same order. */
async function startOnFreePort(start: Start): Promise<EnsuredRedis> {
  const { localRedisPort, localRedisPorts } = start.settings;
  const first = start.port ?? localRedisPort;
  const known = readRun(start.home)?.port;
  const ports = Array.from({ length: localRedisPorts }, (_, at) => first + at);
  for (const port of new Set(known === undefined ? ports : [known, ...ports])) {
    const started = await startOn(port, start);
    if (started) return started;
  }
  const last = first + localRedisPorts - 1;
  const message = `no free port for a local Redis from ${first} to ${last}`;
  throw new StoreError('unavailable', message, 'Free one of them, or set REDIS_URL');
}

/** @returns null when the port is somebody else's */
async function startOn(port: number, start: Start): Promise<EnsuredRedis | null> {
  const before = await askOurs(port, start.password, start.settings.localRedisAnswerMs);
  if (before === 'stranger') return null;
  const child = startChild(port, start);
  const answer = await waitForAnswer(port, start, child);
  if (answer === 'ours') return recordRun(port, start, child);
  await stopChild(child, start.settings.localRedisStopMs);
  if (answer !== 'nobody' || (await isTaken(port))) return null;
  throw notStarted(start, child);
}

function startChild(port: number, { home, program, env }: Start): ChildProcess {
  return startDetached({
    command: program,
    args: [redisConfig(home), '--port', String(port)],
    env,
    cwd: redisFolder(home),
    logFile: redisLog(home),
  });
}

/** Waits for whoever has the port: our child, or the one that was quicker. */
async function waitForAnswer(port: number, start: Start, child: ChildProcess): Promise<Answer> {
  const { nowMs } = monotonicClock;
  const { localRedisAnswerMs, localRedisSilentMs, readyTimeoutMs } = start.settings;
  let limit = nowMs() + readyTimeoutMs;
  let silentSince = nowMs();
  const look = async () => {
    const ended = hasEnded(child) || child.pid === undefined;
    const answer = await askOurs(port, start.password, localRedisAnswerMs);
    const now = nowMs();
    if (answer === 'ours' || answer === 'stranger' || now > limit) return answer;
    if (answer === 'nobody' && ended) return answer;
    if (answer !== 'silent' || !ended) silentSince = now;
    if (now - silentSince > localRedisSilentMs) return answer;
    // It reads its data for as long as that takes.
    if (answer === 'loading') limit = now + readyTimeoutMs;
    return null;
  };
  return until(look, { everyMs: POLL_MS });
}

/** What took our password is the one with our files, whoever started it. */
async function recordRun(port: number, start: Start, child: ChildProcess): Promise<EnsuredRedis> {
  const pid = (await askPid(port, start.password, start.settings.localRedisStopMs)) ?? 0;
  const pidStart = identify(pid)?.start ?? '';
  writeRun(start.home, { port, pid, pidStart, bootId: bootId() });
  return ensured(port, start, pid === child.pid);
}

function ensured(port: number, { password }: Start, started: boolean): EnsuredRedis {
  return { url: localUrl(port, password), source: 'local', started };
}

// Held without listening, or on another address only: then nobody answers, and still it is taken.
function isTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(true));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(false)));
  });
}

function doesNotAnswer({ pid, port }: RedisRun, { home }: Start): StoreError {
  const message = `the local Redis (pid ${pid}, port ${port}) does not answer`;
  return new StoreError('unavailable', message, `Its log is ${quote(redisLog(home))}`);
}

function notStarted({ home, program }: Start, child: ChildProcess): StoreError {
  const [last = ''] = tail(redisLog(home), 1);
  const code = child.exitCode ?? child.signalCode ?? 'not started';
  const message = `${program} ended (${code}) before it answered: ${last}`;
  return new StoreError('unavailable', message, `Its log is ${quote(redisLog(home))}`);
}
