import { FailedError, type MeowError } from '../../errors.ts';
import { inParallel } from '../../in-parallel.ts';
import { isWorker } from '../../model/app-spec.ts';
import type { SignedServer } from '../../model/desired-server.ts';
import type { FleetView } from '../../model/fleet-view.ts';
import type { ServerRecord } from '../../model/server-record.ts';
import type { Machine } from '../../process/identity.ts';
import { type Steps, untold } from '../../steps.ts';
import type { Registry } from '../../store/store.ts';
import { destroyChosen } from '../destroy/destroy-chosen.ts';
import type { DestroySettings } from '../destroy/destroy-run.ts';
import { anew, asBefore } from '../spawn/respawn.ts';
import type { SpawnSettings } from '../spawn/serve-command.ts';
import { type SpawnDeps, type SpawnOptions, spawnServers } from '../spawn/spawn.ts';
import { type AskedSpec, appsHere, type WhichApp, whichApp } from '../targets/app.ts';
import { desiredWithoutServer, type Here, isBeside, isOf, servingHere } from './servers-here.ts';
import { stopAndRemember } from './stop-and-remember.ts';

/** The desired state of this host: desired/desired-state.ts. */
export interface DesiredList {
  look(fleet: FleetView): Promise<Here>;
  /** It is not to come back. */
  drop(id: string): Promise<void>;
  /** False where somebody else was first. */
  mark(desired: SignedServer, state: SignedServer['state']): Promise<boolean>;
}

type ScaleLimit = 'drainMs' | 'maxSpawnCount' | 'upServers';
type ScaleSettings = SpawnSettings & DestroySettings & Readonly<Record<ScaleLimit, number>>;

export interface ScaleDeps extends SpawnDeps {
  readonly settings: ScaleSettings;
  readonly registry: Registry;
  readonly machine: Machine;
  readonly desired: DesiredList;
}

export interface ScaleOptions {
  /** How many servers this host shall run; null brings back those it had, or two. */
  readonly count: number | null;
  /** What they shall serve; null leaves that to what runs here, or ran here last. */
  readonly asked: AskedSpec | null;
  /** Whether those it starts go when `up` ends. */
  readonly ofUp?: boolean;
  /** At least so many: nothing is retired, and nothing given up. */
  readonly isLeast?: boolean;
  readonly signal: AbortSignal;
  /** Told of each that it starts or retires. */
  readonly steps?: Steps;
}

export interface Scaled {
  /** All that now serve on this host. */
  readonly serving: readonly ServerRecord[];
  /** The servers among them that were started just now. */
  readonly started: readonly ServerRecord[];
  /** The servers that were too many. */
  readonly retired: readonly ServerRecord[];
  readonly failed: readonly MeowError[];
}

/**
 * Brings this host's fleet to its size: starts what is missing, retires what is too much. Servers of
 * another app than is meant are neither counted nor touched; where none shall be left, what ran is
 * remembered.
 * @throws UsageError where no app is named and several run here
 */
export async function scaleTo(deps: ScaleDeps, options: ScaleOptions): Promise<Scaled> {
  const fleet = await deps.registry.fleet();
  const here = await deps.desired.look(fleet);
  const { home, childEnv, settings } = deps;
  const { isLeast = false } = options;
  const choose = () => whichApp(home, options.asked, appsHere(fleet, here), childEnv);
  const which = meansAll(options, here) ? null : choose();
  if (options.count === 0 && !isLeast) return restAll(deps, which, options);
  const serving = servingHere(fleet, here, deps.machine).filter(isOf(which, here));
  const dead = [...desiredWithoutServer(fleet, here, deps)];
  const workers = options.ofUp ? dead.filter(isBeside(which)) : [];
  const asleep = dead.filter(
    (one) =>
      !workers.includes(one) &&
      ((options.ofUp && options.asked?.isNamed) || isOf(which, here)(one[1])),
  );
  const target = targetOf(options, serving.length, asleep.length, settings);
  const missing = Math.max(0, target - serving.length);
  if (target !== serving.length) noteSize(deps, target, serving.length);
  const again = asleep.slice(0, missing).map(([, desired]) => ({
    ...asBefore(desired, settings),
    ...(which ? { spec: which.again(desired.spec) } : {}),
  }));
  const fresh = missing - again.length;
  const back = [...again, ...workers.map(([, desired]) => asBefore(desired, settings))];
  const batches = fresh > 0 ? [...back, anew(fresh, (which ?? choose()).more(), settings)] : back;
  // What is not to come back now shall not come back at the next start either.
  const over = isLeast ? [] : asleep.slice(missing);
  for (const [id] of over) await deps.desired.drop(id);
  const { started, failed } = await startAll(deps, batches, options);
  if (options.count === null || isLeast || (options.ofUp && missing > 0)) {
    return { serving: [...serving, ...started], started, retired: [], failed };
  }
  // Two who set the number at once both start what is missing, and then take the same ones out.
  const { kept, ...trimmed } = await trim(deps, target, which, options);
  return {
    serving: kept,
    started: started.filter(({ id }) => kept.some((record) => record.id === id)),
    retired: trimmed.retired,
    failed: [...failed, ...trimmed.failed],
  };
}

function targetOf(
  { count, isLeast }: ScaleOptions,
  serving: number,
  asleep: number,
  { upServers, maxSpawnCount }: ScaleSettings,
): number {
  const asked = count ?? (serving + asleep || upServers);
  const target = isLeast ? Math.max(asked, serving) : asked;
  if (target > maxSpawnCount) throw tooMany(target, maxSpawnCount);
  return target;
}

/** No app is named, and none needs to be. */
function meansAll({ asked, count }: ScaleOptions, here: Here): boolean {
  const serves = [...here.values()].some(({ spec }) => !isWorker(spec));
  return asked === null && (count === 0 || (count === null && serves));
}

/** Retires all: servers that were spawned are remembered, one that was run by hand just leaves. */
async function restAll(
  deps: ScaleDeps,
  which: WhichApp | null,
  options: ScaleOptions,
): Promise<Scaled> {
  const { signal, steps = untold } = options;
  const look = async () => {
    const fleet = await deps.registry.fleet();
    const here = await deps.desired.look(fleet);
    const serving = servingHere(fleet, here, deps.machine).filter(isOf(which, here));
    const ids = new Set(serving.map(({ id }) => id));
    const asleep = desiredWithoutServer(fleet, here, deps);
    const meant = [...here].filter(
      ([id, desired]) => ids.has(id) || (asleep.has(id) && isOf(which, here)(desired)),
    );
    return { serving: serving.filter(({ id }) => here.has(id)), here: new Map(meant) };
  };
  noteSize(deps, 0, (await look()).serving.length);
  const { gone, failed } = await stopAndRemember({ ...deps, steps }, look, signal);
  const others = failed.length > 0 ? null : await trim(deps, 0, which, options);
  return {
    serving: others?.kept ?? [],
    started: [],
    retired: [...gone, ...(others?.retired ?? [])],
    failed: [...failed, ...(others?.failed ?? [])],
  };
}

function noteSize({ registry }: ScaleDeps, target: number, before: number): void {
  registry.note({ kind: 'scaled', why: `${target} servers here, instead of ${before}` });
}

// Somebody else may have written them: no Redis is to fill this machine with processes.
function tooMany(target: number, most: number): FailedError {
  const remedy = `Say how many: -n with at most ${most}`;
  return new FailedError('too-many', `${target} servers are wanted on this host`, remedy);
}

async function trim(
  deps: ScaleDeps,
  target: number,
  which: WhichApp | null,
  { signal, steps = untold }: ScaleOptions,
) {
  let kept: readonly ServerRecord[] = [];
  const tooMuch = async (fleet: FleetView) => {
    const here = await deps.desired.look(fleet);
    const serving = servingHere(fleet, here, deps.machine).filter(isOf(which, here));
    const byAge = serving.sort((a, b) => a.startedAt - b.startedAt || (a.id < b.id ? -1 : 1));
    kept = byAge.slice(0, target);
    return byAge.slice(target).map(({ id }) => id);
  };
  const { gone, failed } = await destroyChosen(deps, tooMuch, {
    drainMs: deps.settings.drainMs,
    signal,
    steps,
  });
  return { kept, retired: gone, failed };
}

/** Starts servers, a few at a time; those in the place of others are a batch each. */
async function startAll(
  deps: ScaleDeps,
  batches: readonly SpawnOptions[],
  { signal, ofUp = false, steps = untold }: ScaleOptions,
) {
  const started: ServerRecord[] = [];
  const failed: MeowError[] = [];
  await inParallel(batches, deps.settings.spawnsInParallel, async (batch) => {
    const options = { ...batch, ofUp: ofUp || batch.ofUp === true, signal, steps };
    const outcome = await spawnServers(deps, options);
    started.push(...outcome.started);
    failed.push(...outcome.failed.filter(({ code }) => code !== 'replaced'));
  });
  return { started, failed };
}
