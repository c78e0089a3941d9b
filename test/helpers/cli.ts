import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { listFleet, type Row } from '../../src/cli/output/rows.ts';
import { sendSignal } from '../../src/process/terminate.ts';
import type { Store } from '../../src/store/store.ts';
import { freePort, startRedis, type TestRedis } from './redis.ts';
import { openStore } from './store.ts';
import { until } from './until.ts';

/** What a server may take to be ready on a busy machine, where a test does not say: it is no measure. */
const READY_S = '120';

export const BIN = join(import.meta.dirname, '..', '..', 'bin', 'meowctl.js');

export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** stdout as bytes. */
  readonly bytes: Buffer;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Buffer;
  readonly cwd?: string;
}

/** A Redis, a state folder and the built CLI, all of one test file's own. */
export interface Site {
  readonly redis: TestRedis;
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
  /** Runs a verb to its end. `spawn` waits longer than it does by itself, unless it is told. */
  run(args: readonly string[], options?: RunOptions): Promise<Result>;
  /**
   * The same by the program's own code, without a process for it: a tenth of the work. For all that
   * leads to what is tested, and for what many rows ask.
   */
  call(args: readonly string[], options?: Omit<RunOptions, 'stdin'>): Promise<Result>;
  /** Starts a verb that goes on. Ended with the site. */
  start(args: readonly string[], options?: RunOptions): ChildProcess;
  /** What `listservers --json` prints, by the same code but without a process for each look. */
  list(namespace?: string): Promise<Row[]>;
  /** Kills every process that runs in this site, and forgets whatever was to run. */
  clear(): Promise<void>;
  /** Ends every process that runs in this site, and removes its files. */
  close(): Promise<void>;
}

export async function openSite(redisArgs: readonly string[] = []): Promise<Site> {
  const redis = await startRedis(redisArgs);
  const home = mkdtempSync(join(tmpdir(), 'meow-test-home-'));
  // A first port of its own would be a test-only setting; servers look for a free one anyway.
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: home,
    MEOW_HOME: home,
    REDIS_URL: redis.url,
    MEOW_REDIS_PROBE: `redis://127.0.0.1:${await freePort()}`,
    LANG: 'C.UTF-8',
    TMPDIR: tmpdir(),
  };
  const started: ChildProcess[] = [];
  const start = (args: readonly string[], options: RunOptions = {}) => {
    const child = spawn(process.execPath, [BIN, ...patient(args)], {
      env: { ...env, ...options.env },
      cwd: options.cwd ?? home,
      stdio: [options.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.stdin);
    started.push(child);
    return child;
  };
  const run = (args: readonly string[], options?: RunOptions) => finish(start(args, options));
  const listers = new Map<string, ReturnType<typeof createLister>>();
  const listerOf = (namespace: string) => {
    const lister = listers.get(namespace) ?? createLister(redis.url, namespace);
    listers.set(namespace, lister);
    return lister;
  };
  return {
    redis,
    home,
    env,
    run,
    async call(args, options = {}) {
      const { runHere } = await import('./run-here.ts'); // most of src/, which not every file needs
      return runHere(patient(args), { ...env, ...options.env }, options.cwd ?? home);
    },
    start,
    list: (namespace = 'meow') => listerOf(namespace).list(),
    async clear() {
      await until('no process of the site is left', () => killOwn(home) === 0);
      await emptied(redis.url);
      for (const name of ['wanted', 'registries', 'env']) {
        rmSync(join(home, name), { recursive: true, force: true });
      }
    },
    async close() {
      for (const lister of listers.values()) await lister.close();
      for (const child of started) if (child.exitCode === null) child.kill('SIGKILL');
      await until('no process of the site is left', () => killOwn(home) === 0);
      await redis.stop();
      const mistakes = mistakesIn(join(home, 'logs'));
      rmSync(home, { recursive: true, force: true });
      if (mistakes.length > 0) throw new Error(`mistakes of ours:\n${mistakes.join('\n')}`);
    },
  };
}

/** What background work logs of a mistake in our own code: one line with the stack, see src/expected-errors.ts. */
const MISTAKE = /\b\w*Error: .* at .*\/dist\/.*$/gm;

function mistakesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap(
    (name) => readFileSync(join(folder, name), 'utf8').match(MISTAKE) ?? [],
  );
}

async function emptied(url: string): Promise<void> {
  const redis = new Redis(url);
  await redis.flushall().finally(() => redis.disconnect());
}

/** Keeps its connection from look to look; makes a new one where Redis was away between. */
function createLister(url: string, namespace: string) {
  let kept: Promise<Store> | null = null;
  const look = async () => {
    kept ??= openStore(url, false, namespace);
    return JSON.parse(JSON.stringify(listFleet(await (await kept).registry.fleet()))) as Row[];
  };
  const close = async () => {
    const store = await kept?.catch(() => null);
    kept = null;
    await store?.close();
  };
  return {
    list: () => look().catch(() => close().then(look)),
    close,
  };
}

function patient(args: readonly string[]): readonly string[] {
  const [verb, ...rest] = args;
  return verb === 'spawn' && !rest.some((word) => ['--timeout', '--ready-timeout'].includes(word))
    ? [verb, '--ready-timeout', READY_S, ...rest]
    : args;
}

/** Collects what a child prints until it ends. */
export function finish(child: ChildProcess): Promise<Result> {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      const bytes = Buffer.concat(out);
      resolve({ code, bytes, stdout: bytes.toString(), stderr: Buffer.concat(err).toString() });
    });
  });
}

/**
 * The pids of the site's own processes: those that have its state folder in their environment, or,
 * as a program of one's own, have it for their home.
 */
export function ownProcesses(home: string): number[] {
  return readdirPids().filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`HOME=${home}\0`);
    } catch {
      return false; // it ended while we looked
    }
  });
}

function killOwn(home: string): number {
  const pids = ownProcesses(home).filter((pid) => pid !== process.pid);
  // Some end meanwhile, for the others have.
  for (const pid of pids) sendSignal(pid, 'SIGKILL');
  return pids.length;
}

function readdirPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}
