import { setTimeout as pause } from 'node:timers/promises';
import { FailedError } from '../errors.ts';
import { type AskLimits, askAll, isWell, isWord, type Said } from '../health/ask-app.ts';
import type { StatusRange } from '../model/health-page.ts';
import { type Clock, monotonicClock, until } from '../time/until.ts';
import type { App, CreateApp } from './app.ts';
import { endedEarly, inBackground, tooLate } from './not-ready.ts';
import { innerPorts, reservePort } from './program-port.ts';
import { createRelay, type RelayLimits } from './relay.ts';

/** A program that runs for us. */
export interface Program {
  readonly pid: number;
  /** How it ended, such as `ended with exit code 1`. */
  readonly ended: Promise<string>;
  hasEnded(): boolean;
  /** Whether it is what listens on that port of this machine; null where that cannot be told. */
  holds(port: number): boolean | null;
  /** Where it and what it started listen; null where that cannot be told. */
  listens(): readonly { readonly host: string; readonly port: number }[] | null;
  /** A process of its group that still runs although it has ended with success itself. */
  leftBehind(): number | null;
  /** What its process group uses; null where that cannot be told. */
  usage(): { readonly rss: number; readonly cpuMs: number } | null;
  /** Sends a signal to it, and to nothing that it started. */
  tell(signal: NodeJS.Signals): void;
  /** Asks it to end, with its process group; kills what is left after `graceMs`: `killed` then. */
  stop(graceMs: number): Promise<string>;
}

interface ProgramLimits extends AskLimits, RelayLimits {
  /** From a server's port to the one that its program is told. */
  readonly programPortStep: number;
  /** How long a program lives that could not bind, while somebody else answers in its place. */
  readonly programSettleMs: number;
}

export interface ProgramDeps {
  /** Starts it, telling it its port. */
  start(port: number): Program;
  /** What messages call it. */
  readonly name: string;
  /** The path that says it is ready and well, and the answers that mean it is. */
  readonly healthPath: string;
  readonly healthStatus: StatusRange;
  readonly readyMs: number;
  /** What tells it that its server leaves. */
  readonly drainSignal: NodeJS.Signals | null;
  /** What to say after the remedy, where it does not start. */
  readonly hint: string;
  readonly limits: ProgramLimits;
  readonly clock?: Clock;
  /** What is wrong with it while it runs. */
  log(line: string): void;
}

const POLL_MS = 50;
const LOOPBACKS = ['127.0.0.1', '::1'];

/** Serves a program of any kind: it gets a port of its own, and what comes to ours is passed on. */
export function programApp(deps: ProgramDeps): CreateApp {
  return () => createApp(deps);
}

function createApp(deps: ProgramDeps): App {
  let address = { host: '127.0.0.1', port: 0 };
  let program: Program | null = null;
  let stopping = false;
  let tellDied: (why: string) => void = () => {};
  const died = new Promise<string>((resolve) => {
    tellDied = resolve;
  });
  const relay = createRelay(() => address, deps.limits, deps.log);

  return {
    request: relay.request,
    upgrade: relay.upgrade,
    died,
    inner: () => (program === null ? null : { pid: program.pid, port: address.port }),
    usage: () => program?.usage() ?? null,
    page: () => ({ ...address, path: deps.healthPath, status: deps.healthStatus }),
    async start(outer) {
      const started = await startOnFreePort(deps, outer, (running) => {
        program = running;
      });
      address = started;
      void program?.ended.then((how) => {
        if (program && !stopping) tellDied(`${deps.name} ${inBackground(program, how)}`);
      });
    },
    drain() {
      if (deps.drainSignal) program?.tell(deps.drainSignal);
    },
    async stop(graceMs) {
      stopping = true;
      relay.close();
      return await program?.stop(graceMs);
    },
  };
}

/** A program whose port another process takes at the last moment ends; then the next port is tried. */
async function startOnFreePort(
  deps: ProgramDeps,
  outer: number,
  onStart: (program: Program) => void,
): Promise<{ host: string; port: number }> {
  const { clock = monotonicClock } = deps;
  const limit = clock.nowMs() + deps.readyMs;
  const ports = innerPorts(outer, deps.limits.programPortStep);
  for (const port of ports) {
    const reserved = await reservePort(port);
    if (!reserved) continue;
    await reserved.release();
    const program = deps.start(port);
    onStart(program);
    const host = await untilReady(program, port, deps, { limit, clock });
    if (host !== null) return { host, port };
    const how = await program.ended;
    if (program.leftBehind() !== null || (await isFree(port))) throw endedEarly(deps, program, how);
  }
  const message = `${deps.name} found no free port: ${ports.join(', ')} are all in use`;
  throw new FailedError('no-port', message, 'End what holds them, or choose another --port');
}

/** @returns the address it answers at, or null when it ended before */
async function untilReady(
  program: Program,
  port: number,
  deps: ProgramDeps,
  { limit, clock }: { readonly limit: number; readonly clock: Clock },
): Promise<string | null> {
  let heard: readonly Said[] = [];
  const look = async () => {
    if (program.hasEnded()) return { host: null };
    const leftMs = limit - clock.nowMs();
    const said = await askAll(port, deps.healthPath, LOOPBACKS, deps.limits, leftMs);
    if (said.some(isWord)) heard = said;
    const well = said.find((each) => isWell(each, deps.healthStatus));
    return well && (await isOurs(program, port, deps.limits)) ? well : null;
  };
  const polling = { everyMs: POLL_MS, withinMs: limit - clock.nowMs(), clock };
  const found = await until(look, polling);
  if (found === null) throw tooLate(deps, program, { port, heard });
  return found.host;
}

/** If another process answers on the port, our program cannot bind and ends soon. */
async function isOurs(
  program: Program,
  port: number,
  { programSettleMs }: ProgramLimits,
): Promise<boolean> {
  if (program.holds(port) === false) await pause(programSettleMs);
  return !program.hasEnded();
}

async function isFree(port: number): Promise<boolean> {
  const reserved = await reservePort(port);
  await reserved?.release();
  return reserved !== null;
}
