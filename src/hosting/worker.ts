import type { App, CreateApp } from './app.ts';
import { endedEarly, inBackground } from './not-ready.ts';
import type { Program } from './program.ts';

export interface WorkerDeps {
  start(): Program;
  /** What messages call it. */
  readonly name: string;
  readonly readyMs: number;
  /** What tells it to finish what it does, before SIGTERM. */
  readonly drainSignal: NodeJS.Signals | null;
  /** What to say after the remedy, where it does not start. */
  readonly hint: string;
  /** How long it must run to count as started. */
  readonly workerReadyMs: number;
}

/**
 * Serves a program that takes no requests: what comes to its server's port is 404. It is ready once it
 * has run for `workerReadyMs`, as supervisord's `startsecs` has it.
 */
export function workerApp(deps: WorkerDeps): CreateApp {
  return () => createApp(deps);
}

function createApp(deps: WorkerDeps): App {
  let program: Program | null = null;
  let leaving = false;
  let tellDied: (why: string) => void = () => {};
  const died = new Promise<string>((resolve) => {
    tellDied = resolve;
  });

  return {
    request(_, response) {
      const text = 'This server runs a program that takes no requests\n';
      const type = 'text/plain; charset=utf-8';
      response.writeHead(404, { 'Content-Type': type, 'Content-Length': text.length }).end(text);
    },
    upgrade: null,
    died,
    worker: () => (program === null ? null : { pid: program.pid }),
    usage: () => program?.usage() ?? null,
    async start() {
      const running = deps.start();
      program = running;
      const how = await endOrTime(running, Math.min(deps.workerReadyMs, deps.readyMs));
      if (how !== null) {
        const runsOn = `. With --no-http it has to run on, for ${deps.workerReadyMs / 1_000} s at least`;
        throw endedEarly({ ...deps, hint: runsOn + deps.hint }, running, how);
      }
      void running.ended.then((end) => {
        if (!leaving) tellDied(`${deps.name} ${inBackground(running, end)}`);
      });
    },
    async finish() {
      leaving = true;
      if (deps.drainSignal === null) return;
      program?.tell(deps.drainSignal);
      await program?.ended;
    },
    async stop(graceMs) {
      leaving = true;
      return await program?.stop(graceMs);
    },
  };
}

/** @returns how it ended, or null when it runs on after that time */
async function endOrTime(program: Program, ms: number): Promise<string | null> {
  let timer: NodeJS.Timeout | undefined;
  const time = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ms);
  });
  return Promise.race([program.ended, time]).finally(() => clearTimeout(timer));
}
