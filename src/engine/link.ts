import { FailedError } from '../errors.ts';
import type { EngineServer } from './config/backend-config.ts';
import type { EngineOptions } from './config/engine-options.ts';
import { BACKEND } from './config/refusals.ts';
import type { ConfigFiles } from './config-files.ts';
import type { EngineNote } from './engine-files.ts';
import type { HaproxyProcess } from './haproxy-process.ts';
import type { LogReader } from './requests/log-reader.ts';
import { leavingWorker } from './runtime/leaving-worker.ts';
import type { RuntimeSocket } from './runtime/runtime-socket.ts';
import {
  parseServerStates,
  parseStat,
  type ServerState,
  type StatRow,
} from './runtime/stat-rows.ts';
import type { ServerList } from './server-list.ts';

export interface LinkDeps {
  /** What the note of a HAProxy says besides its process and configuration. */
  readonly about: Omit<EngineNote, 'pid' | 'pidStart' | 'config'>;
  readonly haproxy: HaproxyProcess;
  readonly config: ConfigFiles;
  readonly list: ServerList;
  readonly reader: Pick<LogReader, 'start' | 'renew' | 'finish' | 'close'>;
  /** Whether it is still ours to start and end. */
  isOurs(): boolean;
  /** @throws FailedError where somebody else has the door's port */
  mustBeFree(): Promise<void>;
  /** A HAProxy begins to count, or has counted this before it was ours. */
  onBegun(rows: readonly StatRow[]): void;
  log(line: string): void;
}

type Limits = Pick<EngineOptions, 'engineCommandMs' | 'engineSilentMs'>;

const SECOND_MS = 1_000;

/** The one HAProxy of a door, and the connection to it: found, made anew, started again. */
export class Link {
  readonly #deps: LinkDeps;
  readonly #limits: Limits;
  readonly #onEnd: () => void;
  #runtime: RuntimeSocket | null = null;
  /** Since when there is no answer, where HAProxy runs. */
  #silentMs = performance.now();
  #startedHere = false;
  #wasThere = false;

  /** @param onEnd the connection has ended */
  constructor(deps: LinkDeps, limits: Limits, onEnd: () => void) {
    this.#deps = deps;
    this.#limits = limits;
    this.#onEnd = onEnd;
  }

  /** Whether this started the HAProxy that runs. */
  get startedHere(): boolean {
    return this.#startedHere;
  }

  get isThere(): boolean {
    return this.#runtime !== null;
  }

  /** @throws FailedError where there is none at this moment */
  get runtime(): RuntimeSocket {
    if (this.#runtime) return this.#runtime;
    throw new FailedError('engine-gone', 'HAProxy has ended', 'It is started again');
  }

  /** @returns the servers of the HAProxy that runs; null where none does, or it does not answer */
  async adopt(): Promise<readonly ServerState[] | null> {
    this.#silentMs = performance.now();
    return await this.#found().catch(unanswered);
  }

  /** The connection alone had ended: HAProxy answers on another one, and may be asked what it has. */
  async isBack(): Promise<boolean> {
    const { haproxy, log } = this.#deps;
    const { engineCommandMs, engineSilentMs } = this.#limits;
    try {
      const runtime = await haproxy.reach(engineCommandMs);
      if (runtime) await this.#takeUp(runtime);
      return runtime !== null;
    } catch (error) {
      if (performance.now() - this.#silentMs < engineSilentMs) throw error;
      log(`HAProxy has not answered for ${engineSilentMs / SECOND_MS} s: it is ended`);
      return false;
    }
  }

  /** Starts one with these servers; what is left of one before it ends. */
  async start(servers: readonly EngineServer[]): Promise<void> {
    const { haproxy, config, list, about, log, mustBeFree, onBegun } = this.#deps;
    this.#mustBeOurs();
    if (this.#wasThere) log('HAProxy has ended: it is started again');
    await haproxy.sweep();
    if (!this.#wasThere) await mustBeFree();
    await config.writeAll(servers);
    const runtime = await haproxy.start({ ...about, config: config.digest });
    this.#startedHere = true;
    list.startedWith(servers);
    onBegun([]);
    this.#follow(runtime);
  }

  /** One that was started with other flags, or by another version, is loaded anew with these servers. */
  async loadAnew(servers: readonly EngineServer[]): Promise<void> {
    const { haproxy, config, list, reader, onBegun } = this.#deps;
    const note = haproxy.running();
    if (!note || note.config === config.digest) return;
    const before = this.runtime;
    await config.writeAll(servers);
    this.#follow(await haproxy.reload(before, { ...note, config: config.digest }));
    reader.renew(leavingWorker(before));
    list.startedWith(servers);
    onBegun([]);
  }

  async stop(deadlineMs: number): Promise<void> {
    const { haproxy, reader } = this.#deps;
    await haproxy.stop(this.#runtime, deadlineMs);
    await reader.finish();
  }

  close(): void {
    this.#deps.reader.close();
    this.#runtime?.close();
  }

  async #found(): Promise<readonly ServerState[] | null> {
    const runtime = await this.#deps.haproxy.reach(this.#limits.engineSilentMs);
    if (!runtime) return null;
    const states = await this.#takeUp(runtime);
    this.#deps.onBegun(parseStat(await runtime.ask('show stat')));
    return states;
  }

  async #takeUp(runtime: RuntimeSocket): Promise<readonly ServerState[]> {
    this.#follow(runtime);
    const states = parseServerStates(await runtime.ask(`show servers state ${BACKEND}`));
    this.#deps.list.found(states);
    return states;
  }

  #mustBeOurs(): void {
    if (this.#deps.isOurs()) return;
    const message = 'another process looks after HAProxy now';
    throw new FailedError('engine-replaced', message, 'This one starts and ends it no more');
  }

  #follow(runtime: RuntimeSocket): void {
    this.#runtime = runtime;
    this.#wasThere = true;
    this.#deps.reader.start();
    runtime.onEnd(() => {
      if (this.#runtime !== runtime) return;
      this.#runtime = null;
      this.#silentMs = performance.now();
      this.#onEnd();
    });
  }
}

function unanswered(error: unknown): null {
  if (error instanceof FailedError) return null;
  throw error;
}
