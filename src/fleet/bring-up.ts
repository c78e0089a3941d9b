import { defaults } from '../config.ts';
import type { MeowError } from '../errors.ts';
import { catSpec } from '../store/app-spec.ts';
import type { AppSpec, FleetView, Intent, Registry, ServerRecord } from '../store/types.ts';
import { destroyServers } from './destroy.ts';
import { isHere, type Machine } from './process-identity.ts';
import { type SpawnDeps, type SpawnOptions, spawnServers } from './spawn.ts';

export interface BringUpDeps extends SpawnDeps {
  readonly registry: Registry;
  readonly machine: Machine;
}

export interface BringUpOptions {
  /** How many servers this host shall run; null brings back those it had, or two. */
  readonly count: number | null;
  /** What they shall serve; null leaves that to what they served before, or the built-in app. */
  readonly spec: AppSpec | null;
  readonly signal: AbortSignal;
}

export interface BroughtUp {
  /** All that now serve on this host. */
  readonly serving: readonly ServerRecord[];
  /** Those of them that were started just now. */
  readonly started: readonly ServerRecord[];
  readonly failed: readonly MeowError[];
}

/** Brings this host's fleet to its size: starts what is missing, retires what is too much. */
export async function bringUp(deps: BringUpDeps, options: BringUpOptions): Promise<BroughtUp> {
  const fleet = await deps.registry.fleet();
  const serving = servingHere(fleet, deps.machine);
  const asleep = intentsWithoutServer(fleet, deps.machine.host);
  const wanted = options.count ?? (serving.length + asleep.size || defaults.upServers);
  if (serving.length > wanted) return trim(deps, serving, wanted, options);
  const missing = wanted - serving.length;
  const { started, failed } = await wake(
    deps,
    [...asleep.values()].slice(0, missing),
    missing,
    options,
  );
  // A new server has written its own intent; what is left of the old ones would bring it back twice.
  if (failed.length === 0) for (const id of asleep.keys()) await deps.registry.forget(id);
  return { serving: [...serving, ...started], started, failed };
}

/** Every server this host runs, ran or is to run. */
export function idsOn(host: string, { servers, intents }: FleetView): string[] {
  const recorded = servers
    .filter(({ record }) => record.host === host)
    .map(({ record }) => record.id);
  const intended = [...intents].filter(([, intent]) => intent.host === host).map(([id]) => id);
  return [...new Set([...recorded, ...intended])];
}

function servingHere({ servers }: FleetView, machine: Machine): ServerRecord[] {
  return servers
    .filter(
      ({ record, leaseLeftMs }) =>
        leaseLeftMs !== null && leaseLeftMs > 0 && isHere(record, machine),
    )
    .map(({ record }) => record)
    .filter(({ state }) => state !== 'draining');
}

function intentsWithoutServer(fleet: FleetView, host: string): Map<string, Intent> {
  const alive = new Set(
    fleet.servers
      .filter(({ leaseLeftMs }) => leaseLeftMs !== null && leaseLeftMs > 0)
      .map(({ record }) => record.id),
  );
  const ours = [...fleet.intents].filter(
    ([id, intent]) => intent.host === host && intent.state !== 'crashed' && !alive.has(id),
  );
  return new Map(ours);
}

async function trim(
  deps: BringUpDeps,
  serving: readonly ServerRecord[],
  wanted: number,
  { signal }: BringUpOptions,
): Promise<BroughtUp> {
  const byAge = [...serving].sort((a, b) => a.startedAt - b.startedAt);
  const kept = byAge.slice(0, wanted);
  const targets = byAge.slice(wanted).map(({ id }) => id);
  const { failed } = await destroyServers(deps, {
    targets,
    all: false,
    force: true,
    drainMs: defaults.drainMs,
    signal,
  });
  return { serving: kept, started: [], failed };
}

/** Starts `count` servers, the first of them with the options of these intents. */
async function wake(
  deps: BringUpDeps,
  intents: readonly Intent[],
  count: number,
  { signal, spec }: BringUpOptions,
) {
  const fresh = count - intents.length;
  const batches = [
    ...intents.map((intent) => asBefore(spec ? { ...intent, spec } : intent)),
    ...(fresh > 0 ? [anew(fresh, spec ?? catSpec)] : []),
  ];
  const results = await Promise.all(
    batches.map((options) => spawnServers(deps, { ...options, signal })),
  );
  return {
    started: results.flatMap(({ started }) => started),
    failed: results.flatMap(({ failed }) => failed),
  };
}

function asBefore({ spec, port, fixedPort, listenHost, advertise }: Intent): SpawnOptions {
  return { ...anew(1, spec), fixedPort: fixedPort ? port : null, listenHost, advertise };
}

function anew(count: number, spec: AppSpec): SpawnOptions {
  return {
    count,
    spec,
    fixedPort: null,
    listenHost: defaults.serverHost,
    advertise: null,
    readyTimeoutMs: spec.readyMs ?? defaults.readyTimeoutMs,
  };
}
