import { FailedError, type MeowError, StoreError } from '../../errors.ts';
import { troubleInWords } from '../../expected-errors.ts';
import { logPath } from '../../logs/files.ts';
import { type LogLimits, RotatingLog } from '../../logs/rotating-log.ts';
import type { SignedServer } from '../../model/desired-server.ts';
import type { FleetView } from '../../model/fleet-view.ts';
import type { ServerRecord } from '../../model/server-record.ts';
import { asBefore } from '../spawn/respawn.ts';
import type { SpawnSettings } from '../spawn/serve-command.ts';
import { type SpawnDeps, type Spawned, spawnServers } from '../spawn/spawn.ts';
import type { CrashHistory } from './backoff.ts';
import type { Case } from './restart-state.ts';
import { Started } from './start-limit.ts';

export interface RevivalDeps extends SpawnDeps {
  readonly settings: SpawnSettings & LogLimits;
  /** A server was started in place of one that died. */
  readonly onStarted: (record: ServerRecord) => void;
  log(line: string): void;
}

/** Starts servers in the place of those that died. */
export class Revivals {
  readonly #deps: RevivalDeps;
  readonly #signal: AbortSignal;
  readonly #onEnd: () => void;
  readonly #started = new Started();
  readonly #starts = new Set<Promise<void>>();

  /** @param onEnd told whenever a start has ended, well or not */
  constructor(deps: RevivalDeps, signal: AbortSignal, onEnd: () => void) {
    this.#deps = deps;
    this.#signal = signal;
    this.#onEnd = onEnd;
  }

  /** Whether another one has to wait. */
  busy(): boolean {
    return this.#starts.size >= this.#deps.settings.spawnsInParallel;
  }

  /** Why one more in that place would be too many, whatever is wrong; null where it is not. */
  tooMany(deaths: CrashHistory, fleet: FleetView, desiredCount: number): string | null {
    return this.#started.tooMany(deaths, fleet, desiredCount, this.#starts.size);
  }

  async ended(): Promise<void> {
    await Promise.all(this.#starts);
  }

  begin(id: string, desired: SignedServer, found: Case): void {
    found.starting = true;
    const start = this.#spawn(id, desired, found).catch((error) => this.#tellMistake(id, error));
    this.#starts.add(start);
    void start.finally(() => {
      this.#starts.delete(start);
      found.starting = false;
      this.#onEnd();
    });
  }

  async #spawn(id: string, desired: SignedServer, found: Case): Promise<void> {
    const { onStarted, log } = this.#deps;
    const again = asBefore(desired, this.#deps.settings);
    const options = { ...again, revived: true, signal: this.#signal };
    const { started, failed } = await spawnServers(this.#deps, options).catch(asFailed);
    found.lives(); // what fails to start has died once more
    for (const error of failed) this.#tellFailure(id, error);
    for (const record of started) {
      this.#started.add(record, found.deaths);
      onStarted(record);
      log(`server ${record.id} on port ${record.port} took the place of ${id}`);
    }
  }

  /** Nothing that goes wrong here ends the reconciler. What Redis has, the store says. */
  #tellMistake(id: string, error: unknown): void {
    if (error instanceof StoreError) return;
    this.#deps.log(`in place of ${id}: ${troubleInWords(error)}`);
  }

  #tellFailure(id: string, error: MeowError): void {
    if (error.code === 'replaced' || this.#signal.aborted) return;
    const why = `${error.message}. ${error.remedy}`;
    this.#deps.log(`in place of ${id}: ${why}`);
    this.#noteInLog(id, `meowctl: not started again: ${why}`);
  }

  // What `ls` shows of a server that was given up is the end of its log.
  #noteInLog(id: string, line: string): void {
    const log = new RotatingLog(logPath(this.#deps.home, id), this.#deps.settings);
    log.write(Buffer.from(`${line}\n`), 'err');
    log.close();
  }
}

// A state folder that cannot be used, say: it counts as one more death, and may be put right.
function asFailed(error: unknown): Spawned {
  if (error instanceof FailedError) return { started: [], failed: [error] };
  throw error;
}
