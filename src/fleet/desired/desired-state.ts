import { toMeowError } from '../../errors.ts';
import type { DesiredServer, SignedServer } from '../../model/desired-server.ts';
import type { FleetView } from '../../model/fleet-view.ts';
import { isAliveHere, isOfHost, type Machine } from '../../process/identity.ts';
import {
  type DesiredEntry,
  dropAbandoned,
  dropDesired,
  type FleetName,
  isOfFleet,
  type ListedEntry,
  listDesired,
  markDesired,
  readDesired,
  removeDesired,
  writeDesired,
} from '../../state/desired-files.ts';
import { isKnownElsewhere, knownRegistry, rememberRegistry } from '../../state/known-registry.ts';
import { isAsSigned, isCopy, isSigned, sign } from '../../state/signature.ts';
import type { DesiredServers, Registry } from '../../store/store.ts';
import { lives } from '../targets/liveness.ts';
import { adoptOld } from './old-fleet.ts';
import { Refused } from './refused.ts';

export interface DesiredStateDeps {
  readonly home: string;
  readonly namespace: string;
  /** Of Redis, without credentials. */
  readonly address: string;
  readonly machine: Machine;
  readonly registry: Pick<Registry, 'id' | 'forget'>;
  readonly desiredServers: Pick<DesiredServers, 'text' | 'swap'>;
  /** What is wanted, but no server has registered for, is kept at least so long. */
  readonly pendingKeepMs: number;
  /** What an old fleet's variables are completed from. */
  readonly env: Readonly<Record<string, string>>;
  say(line: string): void;
}

/**
 * What is wanted on this host: what its state folder says, as far as Redis agrees. Redis alone never
 * adds to it; what is missing there was destroyed from elsewhere, unless Redis was emptied.
 */
export class DesiredState {
  readonly #deps: DesiredStateDeps;
  readonly #refused: Refused;
  #fleet: FleetName;
  #listed: ReadonlyMap<string, ListedEntry> = new Map();
  /** Of all that stands in the state folder, as it was looked at last. */
  readonly ids = (): readonly string[] => [...this.#listed.keys()];

  private constructor(deps: DesiredStateDeps, registry: string) {
    this.#deps = deps;
    this.#refused = new Refused(deps.say);
    this.#fleet = { registry, namespace: deps.namespace };
  }

  /**
   * Finds the list that belongs to this Redis; where that has been emptied, writes the list back.
   * @throws StoreError, FailedError where the state folder cannot be used
   */
  static async open(deps: DesiredStateDeps): Promise<DesiredState> {
    const desired = new DesiredState(deps, await deps.registry.id());
    const { registry, namespace } = desired.#fleet;
    const address = desired.#address();
    const before = knownRegistry(deps.home, address);
    const emptied = before !== null && !isKnownElsewhere(deps.home, address, registry);
    if (emptied && before !== registry) await desired.#moveFrom({ registry: before, namespace });
    rememberRegistry(deps.home, address, registry);
    return desired;
  }

  /**
   * Brings list and Redis together: drops what was destroyed from elsewhere, takes over what an
   * older version left, forgets what is dead. Of a view of `ids()` alone the latter two are left out.
   * @returns what is wanted here, by id
   */
  async look(view: FleetView): Promise<Map<string, SignedServer>> {
    if (view.registry !== this.#fleet.registry) return this.#lookAnew();
    this.#refused.clear();
    const desiredServers = new Map([...view.desiredServers, ...(await this.#adopt(view))]);
    const here = new Map<string, SignedServer>();
    const listed = listDesired(this.#deps.home, this.#fleet, this.#listed);
    this.#listed = listed;
    for (const [id, entry] of listed) {
      if (await this.#isDesired(entry, desiredServers.get(id), view)) here.set(id, entry.desired);
    }
    const unlisted = [...desiredServers].filter(([id]) => !listed.has(id));
    await this.#forgetDead(unlisted, view);
    this.#refused.tell();
    return here;
  }

  /** As the state folder has it, whatever Redis says. */
  list(): SignedServer[] {
    return [...listDesired(this.#deps.home, this.#fleet).values()].map(({ desired }) => desired);
  }

  /**
   * @returns whether Redis has taken it, and from nobody else meanwhile
   * @throws StoreError, FailedError
   */
  async mark(desired: SignedServer, state: DesiredServer['state']): Promise<boolean> {
    markDesired(this.#deps.home, desired, state);
    const text = await this.#deps.desiredServers.text(desired.id);
    if (!isCopy(text, desired)) return false;
    return await this.#deps.desiredServers.swap(desired.id, text, { ...desired, state });
  }

  /**
   * Marks what goes with `up` and no longer runs as stopped: what was killed, or was just being
   * started, could not do so itself. What cannot be marked stays wanted: it is no reason to stay up.
   */
  async stopOfUp(): Promise<void> {
    const { machine } = this.#deps;
    const toStop = this.list().filter(({ ofUp, state }) => ofUp === true && state === 'wanted');
    for (const desired of toStop) {
      if (!isAliveHere(desired, machine)) await this.mark(desired, 'stopped').catch(toMeowError);
    }
  }

  /** It is not to come back. */
  async drop(id: string): Promise<void> {
    dropDesired(this.#deps.home, id);
    await this.#deps.registry.forget(id);
  }

  #address(): string {
    return `${this.#deps.address} ${this.#deps.namespace}`;
  }

  /** Redis was emptied while we looked on: all that is wanted stands there again afterwards. */
  async #lookAnew(): Promise<Map<string, SignedServer>> {
    const before = this.#fleet;
    this.#fleet = { ...before, registry: await this.#deps.registry.id() };
    await this.#moveFrom(before);
    rememberRegistry(this.#deps.home, this.#address(), this.#fleet.registry);
    const entries = [...listDesired(this.#deps.home, this.#fleet)];
    return new Map(entries.map(([id, { desired }]) => [id, desired]));
  }

  /** A server that lives does the same for itself; both write the same. */
  async #moveFrom(before: FleetName): Promise<void> {
    const { home, desiredServers } = this.#deps;
    if (before.registry === this.#fleet.registry) return;
    for (const [id, { desired, pending }] of listDesired(home, before)) {
      const { seal: _, ...rest } = desired;
      const moved = sign(home, { ...rest, registry: this.#fleet.registry });
      if (!readDesired(home, moved, id)) writeDesired(home, moved, pending);
      if (!pending) await desiredServers.swap(id, null, moved);
      removeDesired(home, desired);
    }
  }

  /** @returns what stands in Redis now in place of old ones */
  async #adopt(view: FleetView): Promise<Map<string, SignedServer>> {
    const { home, machine, env, desiredServers } = this.#deps;
    const old = { view, home, machine, env, fleet: this.#fleet };
    const adopted = new Map<string, SignedServer>();
    for (const { id, desired } of adoptOld(old)) {
      if (!desired) {
        this.#refused.add(id, 'an older meowctl wrote it, and it proves nothing');
        continue;
      }
      const known = readDesired(home, this.#fleet, id)?.desired;
      if (!known) writeDesired(home, desired);
      const text = await desiredServers.text(id);
      if (text === null) continue;
      const stands = known ?? desired;
      if (isCopy(text, stands) || (await desiredServers.swap(id, text, stands))) {
        adopted.set(id, stands);
      }
    }
    return adopted;
  }

  async #isDesired(
    { desired, pending }: DesiredEntry,
    found: DesiredServer | undefined,
    view: FleetView,
  ): Promise<boolean> {
    const { id } = desired;
    if (found) {
      const agrees = isAsSigned(found, desired);
      if (!agrees) this.#refused.add(id, 'somebody has changed it in Redis');
      if (agrees && pending && !this.#lives(desired, view)) {
        writeDesired(this.#deps.home, desired);
      }
      return agrees;
    }
    // It says so itself at its next beat, or is being told to leave.
    if (this.#lives(desired, view)) return !pending;
    const text = await this.#deps.desiredServers.text(id);
    if (text !== null) return isCopy(text, desired);
    // Redis is about to hear of it: maybe from where we see no process, and by now it has.
    if (pending) dropAbandoned(this.#deps.home, desired, this.#deps.pendingKeepMs);
    else await this.drop(id);
    return false;
  }

  /** Signed here, and wanted no more: somebody wrote it back, or `down` could not reach Redis. */
  async #forgetDead(
    unlisted: readonly (readonly [string, DesiredServer])[],
    view: FleetView,
  ): Promise<void> {
    const { home, machine } = this.#deps;
    for (const [id, desired] of unlisted) {
      const isOurs = isOfHost(desired, machine) && desired.hostId !== undefined;
      // It may have been listed since.
      if (!isOurs || readDesired(home, this.#fleet, id)) continue;
      if (this.#lives({ ...desired, id }, view)) continue;
      if (isOfFleet(desired, this.#fleet) && isSigned(home, desired)) await this.drop(id);
      else this.#refused.add(id, 'this host has not signed it');
    }
  }

  #lives(desired: DesiredServer & { readonly id: string }, view: FleetView): boolean {
    return lives(desired.id, desired, view, this.#deps.machine);
  }
}
