import { defaults } from '../config.ts';
import { FailedError, type MeowError } from '../errors.ts';
import type { AppSpec, FleetView, Listing, ServerRecord, SignedIntent } from '../store/records.ts';
import type { Registry } from '../store/store.ts';
import { isDead, livesElsewhere } from './death.ts';
import { destroyChosen } from './destroy-chosen.ts';
import { anew, asBefore } from './from-intent.ts';
import { identify, isHere, isOfHost, isProcess, type Machine } from './process-identity.ts';
import { runningHere } from './running.ts';
import { appOfMore } from './same-app.ts';
import { type SpawnDeps, spawnServers } from './spawn.ts';

export type Here = Map<string, SignedIntent>;

/** What is wanted on this host: fleet/wanted.ts. */
export interface WantedList {
  look(fleet: FleetView): Promise<Here>;
  /** It is not to come back. */
  drop(id: string): Promise<void>;
}

export interface BringUpDeps extends SpawnDeps {
  readonly registry: Registry;
  readonly machine: Machine;
  readonly wanted: WantedList;
}

export interface BringUpOptions {
  /** How many servers this host shall run; null brings back those it had, or two. */
  readonly count: number | null;
  /** What they shall serve; null leaves that to what they served before, or the built-in app. */
  readonly spec: AppSpec | null;
  /** Whether those it starts go when `up` ends. */
  readonly ofUp?: boolean;
  readonly signal: AbortSignal;
}

export interface BroughtUp {
  /** All that now serve on this host. */
  readonly serving: readonly ServerRecord[];
  /** Those of them that were started just now. */
  readonly started: readonly ServerRecord[];
  /** Those that were too many. */
  readonly retired: readonly ServerRecord[];
  readonly failed: readonly MeowError[];
}

/** Brings this host's fleet to its size: starts what is missing, retires what is too much. */
export async function bringUp(deps: BringUpDeps, options: BringUpOptions): Promise<BroughtUp> {
  const fleet = await deps.registry.fleet();
  const here = await deps.wanted.look(fleet);
  const serving = servingHere(fleet, here, deps.machine);
  const asleep = intentsWithoutServer(fleet, here, deps);
  const wanted = options.count ?? (serving.length + asleep.size || defaults.upServers);
  if (wanted > defaults.maxSpawnCount) throw tooMany(wanted);
  const missing = Math.max(0, wanted - serving.length);
  const woken = [...asleep].slice(0, missing);
  const spec = options.spec ?? appOfMore(deps.home, here, missing - woken.length);
  // What is not to come back now shall not come back at the next start either.
  for (const [id] of [...asleep].slice(missing)) await deps.wanted.drop(id);
  const { started, failed } = await wake(deps, woken, missing, { ...options, more: spec });
  if (options.count === null || (options.ofUp && missing > 0)) {
    return { serving: [...serving, ...started], started, retired: [], failed };
  }
  // Two who set the number at once both start what is missing, and then take the same ones out.
  const { kept, ...trimmed } = await trim(deps, wanted, options);
  return {
    serving: kept,
    started: started.filter(({ id }) => kept.some((record) => record.id === id)),
    retired: trimmed.retired,
    failed: [...failed, ...trimmed.failed],
  };
}

// Somebody else may have written them: no Redis is to fill this machine with processes.
function tooMany(wanted: number): FailedError {
  const most = `Say how many: -n with at most ${defaults.maxSpawnCount}`;
  return new FailedError('too-many', `${wanted} servers are wanted on this host`, most);
}

/** Every server this host runs, ran or is to run. */
export function idsOn(machine: Machine, { servers, intents }: FleetView): string[] {
  const ofHost = servers.filter(({ record }) => isOfHost(record, machine));
  const intended = [...intents].filter(([, intent]) => isOfHost(intent, machine)).map(([id]) => id);
  // A copy of the state folder may be in use on another machine, or this one in another container.
  const elsewhere = new Set(ofHost.filter((each) => livesElsewhere(each, machine)).map(idOf));
  return [...new Set([...ofHost.map(idOf), ...intended])].filter((id) => !elsewhere.has(id));
}

function idOf({ record }: Listing): string {
  return record.id;
}

/** Leases do not count: a Redis that was away has none, and the servers live. */
function servingHere({ servers }: FleetView, here: Here, machine: Machine): ServerRecord[] {
  return (
    servers
      .map(({ record }) => record)
      // One of 0.1.0 names only its machine: it may run from another state folder.
      .filter(({ hostId, id }) => hostId !== undefined || here.has(id))
      .filter((record) => isHere(record, machine) && isProcess(record, identify(record.pid)))
      .filter(({ state }) => state !== 'draining')
  );
}

function intentsWithoutServer(fleet: FleetView, here: Here, { machine, home }: BringUpDeps): Here {
  const ours = [...here].filter(([, { state }]) => state !== 'crashed');
  const dead = ours.filter(([id, intent]) => isDead(id, intent, fleet, machine));
  const running = new Set(dead.length > 0 ? runningHere(home, machine).map(({ id }) => id) : []);
  return new Map(dead.filter(([id]) => !running.has(id)));
}

async function trim(deps: BringUpDeps, wanted: number, { signal }: BringUpOptions) {
  let kept: readonly ServerRecord[] = [];
  const tooMuch = async (fleet: FleetView) => {
    const serving = servingHere(fleet, await deps.wanted.look(fleet), deps.machine);
    const byAge = serving.sort((a, b) => a.startedAt - b.startedAt || (a.id < b.id ? -1 : 1));
    kept = byAge.slice(0, wanted);
    return byAge.slice(wanted).map(({ id }) => id);
  };
  const how = { drainMs: defaults.drainMs, signal };
  const { gone, failed } = await destroyChosen(deps, tooMuch, how);
  return { kept, retired: gone, failed };
}

/** Starts `count` servers, the first of them in place of these. */
async function wake(
  deps: BringUpDeps,
  asleep: readonly (readonly [string, SignedIntent])[],
  count: number,
  { signal, spec, more, ofUp = false }: BringUpOptions & { readonly more: AppSpec },
) {
  const again = asleep.map(([, intent]) => ({
    ...asBefore(intent),
    ...(spec ? { spec } : {}),
  }));
  const fresh = count - again.length;
  const batches = fresh > 0 ? [...again, anew(fresh, more)] : again;
  const started: ServerRecord[] = [];
  const failed: MeowError[] = [];
  const work = async () => {
    for (let next = batches.shift(); next; next = batches.shift()) {
      const outcome = await spawnServers(deps, {
        ...next,
        ofUp: ofUp || next.ofUp === true,
        signal,
      });
      started.push(...outcome.started);
      failed.push(...outcome.failed.filter(({ code }) => code !== 'replaced'));
    }
  };
  await Promise.all(Array.from({ length: defaults.spawnsInParallel }, work));
  return { started, failed };
}
