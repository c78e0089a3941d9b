import { isOutage } from '../../errors.ts';
import { withoutRedis } from '../../expected-errors.ts';
import { type Background, repeat } from '../../loop.ts';
import { isWorker } from '../../model/app-spec.ts';
import type { SignedServer } from '../../model/desired-server.ts';
import type { FleetView } from '../../model/fleet-view.ts';
import type { Machine } from '../../process/identity.ts';
import { findServer } from '../../process/run-notes.ts';
import type { DesiredServers, Registry } from '../../store/store.ts';
import { createReconcilerToken } from '../death-watch/in-use.ts';
import { DeathSocket } from '../death-watch/socket.ts';
import type { DesiredState } from '../desired/desired-state.ts';
import type { DesiredList } from '../scale/scale.ts';
import type { Here } from '../scale/servers-here.ts';
import { isDead, untilGone } from '../targets/liveness.ts';
import { AwakeFor } from './awake-for.ts';
import { CrashHistory, type CrashSettings, decisionInWords } from './backoff.ts';
import { FleetLooks } from './fleet-looks.ts';
import { howItDied, noteCrashed, noteLost } from './note-death.ts';
import { Case } from './restart-state.ts';
import { type RevivalDeps, Revivals } from './revivals.ts';

type ReconcilerLimit =
  | 'beatMs'
  | 'deathSocketMs'
  | 'hostRecordKeepMs'
  | 'leaseMs'
  | 'maxSpawnCount'
  | 'ranWellMs'
  | 'reconcileMs'
  | 'roundsPerLook';

/** Defaults of defaults.ts, under the same names. */
type ReconcilerSettings = RevivalDeps['settings'] &
  CrashSettings &
  Readonly<Record<ReconcilerLimit, number>>;

export interface ReconcilerDeps extends RevivalDeps {
  readonly settings: ReconcilerSettings;
  readonly registry: RevivalDeps['registry'] & Pick<Registry, 'fleetOf' | 'watch'>;
  readonly desiredServers: Pick<DesiredServers, 'keep' | 'keepFromOld' | 'release'>;
  readonly desired: DesiredList & Pick<DesiredState, 'ids' | 'mark'>;
  readonly machine: Machine;
}

/**
 * Brings the running servers of one host to its desired state: starts again what died without being
 * asked to. Only the holder of the host's lock does anything, and only one of two starts of the same
 * desired server can register, so a reconciler that was paused in between does no harm.
 */
export class Reconciler {
  readonly #deps: ReconcilerDeps;
  readonly #token: string;
  readonly #cases = new Map<string, Case>();
  readonly #revivals: Revivals;
  /** Since when each server serves, monotonic ms. */
  readonly #servesMs = new Map<string, number>();
  /** Servers whose end was told and not yet looked at. */
  readonly #ended = new Set<string>();
  readonly #stopping = new AbortController();
  readonly #awake: AwakeFor;
  readonly #looks: FleetLooks;
  readonly #nowMs: () => number;
  #rounds: Background | null = null;
  #socket: DeathSocket | null = null;
  #unwatch = () => {};
  #tooMany = 0;
  #round = 0;

  /** @param nowMs monotonic: what all decisions about time go by */
  constructor(deps: ReconcilerDeps, nowMs = () => performance.now()) {
    this.#deps = deps;
    this.#nowMs = nowMs;
    this.#awake = new AwakeFor(deps.settings);
    this.#looks = new FleetLooks(deps, deps.settings.hostRecordKeepMs, nowMs);
    this.#token = createReconcilerToken(deps.machine);
    this.#revivals = new Revivals(deps, this.#stopping.signal, () => this.#look());
  }

  start(): void {
    const { registry, home, settings, log } = this.#deps;
    this.#rounds = repeat({
      name: 'round',
      every: () => settings.reconcileMs,
      work: () => this.#goRound(),
      log,
      isTold: isOutage,
    });
    this.#unwatch = registry.watch((id) => this.#looks.isNews(id) && this.#look());
    const serves = (id: string, forMs: number) => this.#servesMs.set(id, this.#nowMs() - forMs);
    const ended = (id: string) => {
      this.#ended.add(id);
      this.#look();
    };
    this.#socket = new DeathSocket(home, { serves, ended, log }, settings.deathSocketMs);
    this.#look();
  }

  /** Starts nothing more; what is being started is ended. */
  async stop(): Promise<void> {
    this.#unwatch();
    this.#stopping.abort();
    await this.#socket?.stop();
    await this.#rounds?.stop();
    await this.#revivals.ended();
    const { desiredServers, machine } = this.#deps;
    for (const host of [machine.hostId, machine.host]) {
      await desiredServers.release(host, this.#token).catch(withoutRedis(false));
    }
  }

  #look(): void {
    if (!this.#stopping.signal.aborted) this.#rounds?.soon();
  }

  async #goRound(): Promise<void> {
    const { desiredServers, machine, settings } = this.#deps;
    if (!(await desiredServers.keep(machine.hostId, this.#token))) return this.#ended.clear();
    // One of 0.1.0 would start again what it knows; what it still has, it keeps.
    await desiredServers.keepFromOld(machine.host, this.#token);
    const fleet = await this.#looks.look();
    this.#round += 1;
    this.#awake.again(this.#nowMs());
    const here = await this.#deps.desired.look(fleet);
    this.#forget(here);
    const all = [...here];
    const toRun = all.filter(([, { state }]) => state === 'wanted');
    const kept = toRun.slice(0, settings.maxSpawnCount);
    this.#sayWhatIsTooMuch(toRun.length - kept.length);
    await Promise.all(kept.map(([id, desired]) => this.#see(id, desired, fleet, all.length)));
    this.#ended.clear();
  }

  // The deaths of one that is wanted no more count on for a while: it may be wanted again.
  #forget(here: Here): void {
    const nowMs = this.#nowMs();
    for (const [id, { deaths, starting }] of this.#cases) {
      if (!here.has(id) && !starting && deaths.isOver(nowMs)) this.#cases.delete(id);
    }
    for (const id of this.#servesMs.keys()) if (!here.has(id)) this.#servesMs.delete(id);
  }

  // Somebody else may have written them: no Redis is to fill this machine with processes.
  #sayWhatIsTooMuch(count: number): void {
    if (count > 0 && this.#tooMany === 0) {
      const most = this.#deps.settings.maxSpawnCount;
      this.#deps.log(`${count} more servers are wanted here than the ${most} one host keeps`);
    }
    this.#tooMany = count;
  }

  /** @param count how many servers this host is to have, this one among them */
  async #see(id: string, desired: SignedServer, fleet: FleetView, count: number): Promise<void> {
    const { machine } = this.#deps;
    if (this.#cases.get(id)?.starting) return;
    if (this.#ended.has(id)) await untilGone(id, desired, fleet, machine);
    const found = this.#caseOf(id, desired);
    if (!this.#isDead(id, desired, fleet, found)) {
      found.lives();
      if (!this.#servesMs.has(id)) this.#servesMs.set(id, this.#nowMs());
      return;
    }
    if (!found.isKnownDead()) await this.#diedNow(id, desired, found);
    if (!found.isDue(this.#nowMs())) return;
    if (this.#revivals.busy() || this.#isDelayed(id, found, fleet, count)) return;
    this.#revivals.begin(id, desired, found);
  }

  // The folder's own notes have the last word: they are asked once for each death.
  #isDead(id: string, desired: SignedServer, fleet: FleetView, found: Case): boolean {
    const { machine, home } = this.#deps;
    if (this.#isHeard(id)) return false;
    const sureOfLeases = this.#looks.saw(id) && this.#awake.longEnough(this.#nowMs());
    if (!isDead(id, desired, fleet, machine, sureOfLeases)) return false;
    return found.isKnownDead() || findServer(home, id, machine) === null;
  }

  // To ask for each process is a third of a round's work, and its end would be news at once. But what
  // is said on a socket is only worth a look: so it is looked at nevertheless, now and then.
  #isHeard(id: string): boolean {
    if (this.#ended.has(id) || this.#round % this.#deps.settings.roundsPerLook === 0) return false;
    return this.#socket?.holds(id) ?? false;
  }

  #caseOf(id: string, { replaces = '' }: SignedServer): Case {
    const known = this.#cases.get(id);
    if (known) return known;
    const deaths = this.#cases.get(replaces)?.deaths ?? new CrashHistory(this.#deps.settings);
    const found = new Case(deaths);
    this.#cases.set(id, found);
    return found;
  }

  async #diedNow(id: string, desired: SignedServer, found: Case): Promise<void> {
    const { registry, settings, log } = this.#deps;
    const nowMs = this.#nowMs();
    const wasWell = nowMs - (this.#servesMs.get(id) ?? nowMs) >= settings.ranWellMs;
    if (!found.wasFoundDead()) {
      noteLost(registry, { id, pid: desired.pid, how: await howItDied(this.#deps, id) });
    }
    const decision = found.died(wasWell, nowMs);
    log(decisionInWords(decision, id, isWorker(desired.spec) ? null : desired.port, settings));
    noteCrashed(registry, id, decision, settings);
    if (decision.next === 'crashed') {
      this.#cases.delete(id); // `restart` begins anew
      await this.#deps.desired.mark(desired, 'crashed');
      return;
    }
    setTimeout(() => this.#look(), decision.delayMs).unref();
  }

  #isDelayed(id: string, found: Case, fleet: FleetView, desiredCount: number): boolean {
    const why = this.#revivals.tooMany(found.deaths, fleet, desiredCount);
    if (why === null) found.mayStart();
    else if (found.isWorthTelling(this.#nowMs(), this.#deps.settings.leaseMs)) {
      this.#deps.log(`server ${id} is not started again: ${why}`);
    }
    return why !== null;
  }
}
