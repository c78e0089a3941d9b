import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { Socket } from 'node:net';
import { FailedError } from '../errors.ts';
import { quote, systemReason } from '../text.ts';
import { cannotStart, failure, interrupted } from './launch-failure.ts';
import { openOutputPipes } from './output-pipe.ts';
import { readOutcome } from './ready-pipe.ts';
import { captureOutput } from './system-commands.ts';
import { AFTER_KILL_MS, hasEnded, isGone, stopChild } from './terminate.ts';

export const READY_FD = 3;

export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment it gets. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Gets its stdout and stderr, at the end, unless `rawLogFile` does. */
  readonly logFile: string;
  /** For a program that writes its log itself: gets what goes straight to its descriptors. */
  readonly rawLogFile?: string;
}

export interface LaunchOptions extends Program {
  /** What messages call it. */
  readonly name: string;
  readonly readyTimeoutMs: number;
  readonly termGraceMs: number;
  /** How much longer it may take to say why it is not ready, where it can tell. */
  readonly reasonMs?: number;
  readonly signal?: AbortSignal;
  /** Told of its process once it is ready: how it ends is told to us alone. */
  readonly onReady?: (child: ChildProcess) => void;
}

/** A program that has been started already, and waits for our word before it does its work. */
export interface PreparedProcess {
  /** @returns null when it has ended meanwhile */
  release(): ChildProcess | null;
}

/**
 * Starts a program detached from us, or lets one go on that was started before, and waits for its
 * word on fd 3 that it is ready.
 * @returns what it said with `ready`
 * @throws NotReadyError with its log's end; what it reported with `error`; InterruptedError.
 *   In each case it has been stopped.
 */
export async function launch(options: LaunchOptions, standby?: PreparedProcess): Promise<unknown> {
  if (options.signal?.aborted) throw interrupted(options);
  const child = standby?.release() ?? startDetached(options, 1);
  const pipe = pipeTo(child, READY_FD);
  const outcome = await readOutcome(child, pipe, options);
  pipe?.destroy();
  if (outcome.kind === 'ready') {
    options.onReady?.(child);
    return outcome.value;
  }
  if (outcome.kind === 'reported') await endsByItself(child, options.termGraceMs);
  await stopChild(child, options.termGraceMs);
  throw failure(outcome, child, options);
}

/** Null where there were too few open files for it: Node makes no pipe then, whatever its types say. */
export function pipeTo(child: ChildProcess, fd: number): Socket | null {
  const pipes: ChildProcess['stdio'] | undefined = child.stdio;
  return (pipes?.[fd] as Socket | undefined) ?? null;
}

/** What said why it fails ends what it started, and then itself. */
function endsByItself(child: ChildProcess, graceMs: number): Promise<boolean> {
  return isGone(() => !hasEnded(child), graceMs + AFTER_KILL_MS);
}

/**
 * Starts a program in a session and process group of its own; it outlives us.
 * @param pipes how many it gets, from fd 3 on
 */
export function startDetached(program: Program, pipes = 0): ChildProcess {
  const log = openLog(program.rawLogFile ?? program.logFile);
  try {
    const child = spawn(program.command, program.args, {
      cwd: program.cwd,
      env: program.env,
      detached: true,
      stdio: ['ignore', log, log, ...Array<'pipe'>(pipes).fill('pipe')],
    });
    child.on('error', () => {});
    child.unref();
    return child;
  } catch (cause) {
    throw cannotStart(program.command, cause, program.env);
  } finally {
    closeSync(log);
  }
}

/** Where what we start here holds one end of a pipe, for as long as it lives. */
const LIFE_FD = 4;

/**
 * Starts a program in a session of its own that outlives us, and says what it says where we do. It is no child
 * of ours: systemd waits for the end of a unit's main process only where that is its own child, which orphans are.
 * @returns resolves once it has ended
 * @throws FailedError where it cannot be started at all
 */
export function startBeside(program: Omit<Program, 'logFile'>): Promise<void> {
  const { command, args, env, cwd } = program;
  try {
    const shell = spawn('/bin/sh', ['-c', '"$@" &', 'meowctl', command, ...args], {
      ...{ cwd, env, detached: true },
      // One that was started by itself once would say on descriptor 3 that it is ready.
      stdio: ['ignore', 'inherit', 'inherit', 'ignore', 'pipe'],
    });
    shell.unref();
    const life = pipeTo(shell, LIFE_FD);
    life?.resume().unref();
    return new Promise((resolve) => {
      life?.once('close', () => resolve());
      shell.once('error', () => resolve());
    });
  } catch (cause) {
    throw cannotStart(command, cause, env);
  }
}

/*
 * Runs in the shell before it becomes the program: a guard in the same process group, which hears
 * from fd 3 when we are gone. As long as it lives, the group's number is nobody else's.
 */
const GUARDED = `(
  trap '' TERM INT HUP QUIT USR1 USR2
  read -r line <&3
  kill -TERM 0
  while kill -0 $$ && test "$1" -gt 0; do sleep 0.1; set -- $(($1 - 1)); done
  kill -KILL 0
) >/dev/null 2>&1 &
exec 3<&-
shift
exec "$@"`;

export interface AttachedProgram extends Pick<Program, 'env' | 'cwd'> {
  readonly command: readonly string[];
  /** What it says goes here; straight to a terminal. */
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** How long it has to end by itself once we are gone. */
  readonly orphanGraceMs: number;
}

/**
 * Starts a program in a group of its own that ends when we do.
 * @throws FailedError where it cannot be started at all
 */
export function startAttached(program: AttachedProgram): ChildProcess {
  const streams = [program.stdout, program.stderr];
  const piped = streams.filter(({ isTTY }) => !isTTY);
  const pipes = openOutputPipes(piped.length, makeFifos);
  const ends = pipes?.map(({ writeEnd }) => writeEnd) ?? [];
  const stdio = streams.map(
    (to): Output => (to.isTTY ? 'inherit' : (ends[piped.indexOf(to)] ?? 'pipe')),
  );
  try {
    const child = spawnGuarded(program, stdio);
    const readers = pipes?.map(({ reader }) => reader) ?? [child.stdout, child.stderr];
    const from = readers.filter((reader) => reader !== null);
    for (const [at, to] of piped.entries()) from[at]?.pipe(to, { end: false });
    return child;
  } finally {
    for (const end of ends) closeSync(end);
  }
}

type Output = 'inherit' | 'pipe' | number;

function spawnGuarded(program: AttachedProgram, output: readonly Output[]): ChildProcess {
  const { command, env, cwd, orphanGraceMs } = program;
  const tenths = String(Math.ceil(orphanGraceMs / 100));
  try {
    return spawn('/bin/sh', ['-c', GUARDED, 'meowctl', tenths, ...command], {
      cwd,
      env,
      detached: true,
      stdio: ['ignore', ...output, 'pipe'],
    });
  } catch (cause) {
    throw cannotStart(command[0] ?? '', cause, env);
  }
}

// A program may become another user before it opens what is its own.
function makeFifos(paths: readonly string[]): void {
  if (paths.length > 0) captureOutput('mkfifo', ['-m', '622', ...paths]);
}

function openLog(path: string): number {
  try {
    return openSync(path, 'a', 0o600);
  } catch (cause) {
    const why = systemReason(cause);
    throw new FailedError('log', `cannot write ${quote(path)}: ${why}`, 'Check that folder', {
      cause,
    });
  }
}
