import { randomBytes } from 'node:crypto';
import { type Background, repeat } from '../background.ts';
import { defaults } from '../config.ts';
import { FailedError, isOutage, type MeowError, StoreError } from '../errors.ts';
import type { FleetView, Intent, ServerRecord } from '../store/records.ts';
import type { Intents } from '../store/store.ts';
import { reason } from '../text.ts';
import { isDead } from './death.ts';
import { asBefore } from './from-intent.ts';
import { isOfHost, type Machine } from './process-identity.ts';
import { type SpawnDeps, type Spawned, spawnServers } from './spawn.ts';

export interface KeeperDeps extends SpawnDeps {
  readonly registry: SpawnDeps['registry'] & {
    watch(listener: (id: string | null) => void): () => void;
  };
  readonly intents: Pick<Intents, 'mark' | 'keep' | 'release'>;
  readonly machine: Machine;
  /** A server was started in place of one that died. */
  readonly onStarted: (record: ServerRecord) => void;
  log(line: string): void;
}

/** What is known of a server that died, or of one that took its place. */
interface Case {
  /** When it died, monotonic ms, oldest first; those of its forerunners too. */
  readonly deaths: number[];
  /** Monotonic ms; null while it lives, as far as we know. */
  dueMs: number | null;
  starting: boolean;
}

/**
 * Brings intents and reality together on one host: starts again what died without being asked to.
 * Only the holder of the host's lock does anything, and only one of two starts of the same intent
 * can register, so a keeper that was paused in between does no harm.
 */
export class Keeper {
  readonly #deps: KeeperDeps;
  readonly #token = randomBytes(9).toString('base64url');
  readonly #cases = new Map<string, Case>();
  readonly #stopping = new AbortController();
  readonly #starts = new Set<Promise<void>>();
  #rounds: Background | null = null;
  #unwatch = () => {};
  #tooMany = 0;

  constructor(deps: KeeperDeps) {
    this.#deps = deps;
  }

  async start(): Promise<void> {
    this.#rounds = repeat({
      name: 'round',
      every: () => defaults.keeperRoundMs,
      work: () => this.#goRound(),
      log: this.#deps.log,
      isTold: isOutage,
    });
    this.#unwatch = this.#deps.registry.watch(() => this.#look());
    this.#look();
  }

  /** Starts nothing more; what is being started is ended. */
  async stop(): Promise<void> {
    this.#unwatch();
    this.#stopping.abort();
    await this.#rounds?.stop();
    await Promise.all(this.#starts);
    const { intents, machine } = this.#deps;
    const released = intents.release(machine.hostId, this.#token);
    await released.catch((error: unknown) => this.#tellTrouble(error));
  }

  /** A round soon. */
  #look(): void {
    this.#rounds?.soon();
  }

  async #goRound(): Promise<void> {
    const { intents, registry, machine } = this.#deps;
    if (!(await intents.keep(machine.hostId, this.#token))) return;
    const fleet = await registry.fleet();
    for (const id of this.#cases.keys()) if (!fleet.intents.has(id)) this.#dropCase(id);
    const wanted = [...fleet.intents].filter(([, intent]) => this.#isOurs(intent));
    const kept = wanted.slice(0, defaults.maxSpawnCount);
    this.#sayWhatIsTooMuch(wanted.length - kept.length);
    await Promise.all(kept.map(([id, intent]) => this.#see(id, intent, fleet)));
  }

  // Somebody else may have written them: no Redis is to fill this machine with processes.
  #sayWhatIsTooMuch(count: number): void {
    if (count > 0 && this.#tooMany === 0) {
      const most = defaults.maxSpawnCount;
      this.#deps.log(`${count} more servers are wanted here than the ${most} one host keeps`);
    }
    this.#tooMany = count;
  }

  #isOurs(intent: Intent): boolean {
    return isOfHost(intent, this.#deps.machine) && intent.state === 'wanted';
  }

  // One that is being started is dropped by its start.
  #dropCase(id: string): void {
    if (!this.#cases.get(id)?.starting) this.#cases.delete(id);
  }

  async #see(id: string, intent: Intent, fleet: FleetView): Promise<void> {
    const known = this.#cases.get(id);
    if (known?.starting) return;
    if (!(await isDead(id, intent, fleet, this.#deps.machine))) {
      if (known) known.dueMs = null;
      return;
    }
    const found = known ?? { deaths: [], dueMs: null, starting: false };
    this.#cases.set(id, found);
    if (found.dueMs === null) await this.#diedNow(id, intent, found);
    if (found.dueMs === null || found.dueMs > performance.now()) return;
    if (this.#starts.size >= defaults.spawnsInParallel) return;
    this.#startAgain(id, intent, found);
  }

  async #diedNow(id: string, { port }: Intent, found: Case): Promise<void> {
    const nowMs = performance.now();
    found.deaths.push(nowMs);
    while ((found.deaths[0] ?? nowMs) < nowMs - defaults.crashWindowMs) found.deaths.shift();
    const count = found.deaths.length;
    if (count >= defaults.deathsToCrash) {
      this.#cases.delete(id);
      await this.#deps.intents.mark(id, 'crashed');
      return this.#deps.log(
        `server ${id} died ${count} times within ${defaults.crashWindowMs / 1_000} s: it is left alone until \`meowctl restart ${id}\``,
      );
    }
    const delayMs = Math.min(defaults.restartMs * 2 ** (count - 1), defaults.maxRestartMs);
    found.dueMs = nowMs + delayMs;
    this.#deps.log(`server ${id} on port ${port} died; started again in ${delayMs / 1_000} s`);
    setTimeout(() => this.#look(), delayMs).unref();
  }

  #startAgain(id: string, intent: Intent, found: Case): void {
    found.starting = true;
    const start = this.#spawn(id, intent, found).catch((error) => this.#tellTrouble(error));
    this.#starts.add(start);
    void start.finally(() => {
      this.#starts.delete(start);
      found.starting = false;
      this.#look();
    });
  }

  async #spawn(id: string, intent: Intent, found: Case): Promise<void> {
    const { onStarted, log } = this.#deps;
    const { signal } = this.#stopping;
    const options = { ...asBefore(intent), replaces: id, signal };
    const { started, failed } = await spawnServers(this.#deps, options).catch(asFailed);
    found.dueMs = null; // what fails to start has died once more
    for (const error of failed) this.#tellFailure(id, error);
    for (const record of started) {
      this.#cases.delete(id);
      this.#cases.set(record.id, found);
      onStarted(record);
      log(`server ${record.id} on port ${record.port} took the place of ${id}`);
    }
  }

  // What is wrong with Redis is said by the store, or by the rounds, which find it too.
  #tellTrouble(error: unknown): void {
    if (!(error instanceof StoreError)) this.#deps.log(reason(error));
  }

  #tellFailure(id: string, error: MeowError): void {
    if (error.code === 'replaced' || this.#stopping.signal.aborted) return;
    this.#deps.log(`in place of ${id}: ${error.message}`);
  }
}

// A state folder that cannot be used, say: it counts as one more death, and may be put right.
function asFailed(error: unknown): Spawned {
  if (error instanceof FailedError) return { started: [], failed: [error] };
  throw error;
}
