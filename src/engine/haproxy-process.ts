import { FailedError } from '../errors.ts';
import { tail } from '../logs/files.ts';
import { capRawLog } from '../logs/raw-log.ts';
import { identify } from '../process/identity.ts';
import { startDetached } from '../process/launcher.ts';
import { hasEnded, sendSignal, terminate } from '../process/terminate.ts';
import { until } from '../time/until.ts';
import type { EngineOptions } from './config/engine-options.ts';
import { type EngineFiles, type EngineNote, readNote, writeNote } from './engine-files.ts';
import { isRunning } from './orphans.ts';
import { isIdle } from './runtime/leaving-worker.ts';
import { RuntimeSocket } from './runtime/runtime-socket.ts';
import { parseInfo } from './runtime/stat-rows.ts';

type Limits = Pick<
  EngineOptions,
  'engineCommandMs' | 'engineStartMs' | 'engineLogBytes' | 'termGraceMs'
>;

const LOOK_MS = 10;
const TAIL_LINES = 5;

/** One HAProxy, a master and its worker: it lives on when we do not. */
export class HaproxyProcess {
  readonly #program: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #files: EngineFiles;
  readonly #limits: Limits;
  /** The one we know of, also where its note is removed. */
  #known: EngineNote | null = null;

  constructor(
    program: string,
    env: Readonly<Record<string, string>>,
    files: EngineFiles,
    limits: Limits,
  ) {
    this.#program = program;
    this.#env = env;
    this.#files = files;
    this.#limits = limits;
  }

  /** The one that runs, if it is there; null where there is none. */
  running(): EngineNote | null {
    const note = this.#known ?? readNote(this.#files);
    return note && this.#isIt(note) ? note : null;
  }

  /**
   * The runtime socket of the one that runs: it may be busy, or just replace its worker.
   * @returns null where none runs
   * @throws FailedError where it does not answer in time
   */
  async reach(withinMs: number): Promise<RuntimeSocket | null> {
    const look = async () => (this.running() ? await this.#connected() : 'none');
    const found = await until(look, { everyMs: LOOK_MS, withinMs });
    if (found === null) throw silent();
    return found === 'none' ? null : found;
  }

  /** Writes down who runs, if that was removed. */
  keepNote(): void {
    const note = this.running();
    if (note && readNote(this.#files) === null) writeNote(this.#files, note);
  }

  /**
   * Starts it with the files as they are.
   * @throws FailedError with the last lines that it said
   */
  async start(about: Omit<EngineNote, 'pid' | 'pidStart'>): Promise<RuntimeSocket> {
    const { door, servers, folder, master, log } = this.#files;
    capRawLog(log, this.#limits.engineLogBytes);
    const child = startDetached({
      command: this.#program,
      args: ['-W', '-S', `${master},mode,600`, '-f', door, '-f', servers],
      env: this.#env,
      cwd: folder,
      logFile: log,
    });
    const pid = child.pid ?? 0;
    const note = { ...about, pid, pidStart: identify(pid)?.start ?? '' };
    this.#write(note);
    const look = async () => (hasEnded(child) ? 'ended' : await this.#answers(pid));
    const found = await until(look, { everyMs: LOOK_MS, withinMs: this.#limits.engineStartMs });
    if (found && found !== 'ended') return found;
    await this.#end(note);
    throw this.#didNotStart();
  }

  /**
   * Loads the files anew: a new worker takes over the listening socket, the old one finishes.
   * @param before of the worker that serves now
   */
  async reload(before: RuntimeSocket, note: EngineNote): Promise<RuntimeSocket> {
    const old = await workerOf(before);
    const { engineCommandMs, engineStartMs } = this.#limits;
    // A master that has just loaded its files begins anew itself, and is not there for a moment.
    const knock = () => RuntimeSocket.open(this.#files.master, engineCommandMs).catch(failed);
    const master = await until(knock, { everyMs: LOOK_MS, withinMs: engineStartMs });
    if (!master) throw silent();
    void master.ask('reload').catch(() => {}); // it ends with the connection
    const another = async () => {
      const found = await this.#connected();
      if (found && (await workerOf(found)) !== old) return found;
      found?.close();
      return null;
    };
    const found = await until(another, { everyMs: LOOK_MS, withinMs: engineStartMs });
    master.close();
    if (!found) throw this.#didNotStart();
    this.#write(note);
    return found;
  }

  /** Takes no new connections, finishes what is in flight, cuts the rest. */
  async stop(runtime: RuntimeSocket | null, deadlineMs: number): Promise<void> {
    const note = this.running();
    if (!note) return;
    if (runtime) {
      sendSignal(note.pid, 'SIGUSR1');
      await until(() => isIdle(runtime), { everyMs: LOOK_MS, withinMs: deadlineMs });
    }
    await this.#end(note);
  }

  /** What is left of one that died. */
  async sweep(): Promise<void> {
    const note = this.running();
    if (note) await this.#end(note);
  }

  async #end(note: EngineNote): Promise<void> {
    await terminate({ pid: note.pid, isIt: () => this.#isIt(note) }, this.#limits.termGraceMs);
  }

  #isIt(note: EngineNote): boolean {
    return isRunning(note, this.#files.door);
  }

  #write(note: EngineNote): void {
    this.#known = note;
    writeNote(this.#files, note);
  }

  #connected(): Promise<RuntimeSocket | null> {
    return RuntimeSocket.open(this.#files.socket, this.#limits.engineCommandMs).catch(failed);
  }

  /** A socket of one that ran before may still be there. */
  async #answers(pid: number): Promise<RuntimeSocket | null> {
    const found = await this.#connected();
    if (!found || identify(pid) !== null) return found;
    found.close();
    return null;
  }

  #didNotStart(): FailedError {
    const { log } = this.#files;
    const said = tail(log, TAIL_LINES)
      .filter((line) => line.includes('[ALERT]'))
      .at(-1);
    const message = `HAProxy does not start${said ? `: ${said.replace(/^\[ALERT\]\s*\(\d+\)\s*:\s*/, '')}` : ''}`;
    return new FailedError('haproxy', message, `See ${log}`);
  }
}

/** The pid of the worker behind a socket; null where that has ended meanwhile. */
function workerOf(runtime: RuntimeSocket): Promise<string | null> {
  const pid = (info: string) => parseInfo(info).Pid ?? null;
  return runtime.ask('show info').then(pid, failed);
}

function failed(error: unknown): null {
  if (error instanceof FailedError) return null;
  throw error;
}

function silent(): FailedError {
  const message = 'HAProxy runs, and does not answer on its runtime socket';
  return new FailedError('engine-silent', message, 'See whether its machine is busy');
}
