import { debug } from '../../debug.ts';
import { adopted } from '../../environment/kept-values.ts';
import { sweepValues } from '../../environment/sweep.ts';
import {
  exitCodes,
  InterruptedError,
  MeowError,
  NotReadyError,
  StoreError,
  toMeowError,
} from '../../errors.ts';
import { createId } from '../../ids.ts';
import { inParallel } from '../../in-parallel.ts';
import { markNamespace } from '../../logs/files.ts';
import { sweepLogs } from '../../logs/sweep.ts';
import type { SignedServer } from '../../model/desired-server.ts';
import { type NewEvent, RECONCILER } from '../../model/event.ts';
import { inPlaceOf } from '../../model/event-words.ts';
import { parseRecord, type ServerRecord } from '../../model/server-record.ts';
import { launch } from '../../process/launcher.ts';
import { Standby } from '../../process/standby.ts';
import { dropDesired, readDesired, writeDesired } from '../../state/desired-files.ts';
import { prepareStateFolder } from '../../state/folder.ts';
import { doing, type Steps, untold } from '../../steps.ts';
import type { Registry } from '../../store/store.ts';
import { plain, reason } from '../../text.ts';
import { mustHaveFolder, type ServerProgram, type ServerStart, toLaunch } from './serve-command.ts';

export interface SpawnDeps extends ServerProgram {
  readonly registry: Pick<Registry, 'sweep' | 'forget' | 'fleet' | 'note'>;
}

export interface SpawnOptions extends ServerStart {
  readonly count: number;
  /** Its process, booted by `holdServer` with these options; with a count of 1. */
  readonly standby?: Standby | null;
  /** Told of each server as soon as it is ready. */
  readonly onStarted?: (record: ServerRecord) => void;
  /** Told of each, by the id it will have. */
  readonly steps?: Steps;
}

export interface Spawned {
  readonly started: readonly ServerRecord[];
  readonly failed: readonly MeowError[];
}

/**
 * Starts servers on this host, a few at a time, and waits until each is ready. One that fails takes
 * no other with it, but where Redis is gone no more are tried. Records lost long ago are swept
 * meanwhile, and logs of servers long gone.
 * @throws FailedError when the state folder cannot be used; StoreError when Redis cannot
 */
export async function spawnServers(deps: SpawnDeps, options: SpawnOptions): Promise<Spawned> {
  prepareStateFolder(deps.home);
  const spec = adopted(deps.home, options.spec, deps.childEnv);
  const swept = sweep(deps).catch(toStoreError);
  const started: ServerRecord[] = [];
  const failed: MeowError[] = [];
  const { signal, count } = options;
  const isRedisGone = () => failed.some(({ exitCode }) => exitCode === exitCodes.redis);
  const work = async () => {
    const outcome = await spawnServer(deps, { ...options, spec }).catch(toMeowError);
    if (!(outcome instanceof MeowError)) {
      started.push(outcome);
      options.onStarted?.(outcome);
    } else if (!(outcome instanceof InterruptedError)) failed.push(outcome);
  };
  const isOver = () => signal?.aborted === true || isRedisGone();
  await inParallel(Array.from({ length: count }), deps.settings.spawnsInParallel, work, isOver);
  if (signal?.aborted && started.length < count) failed.push(interrupted(started.length, count));
  const trouble = await swept;
  if (trouble instanceof StoreError && failed.length === 0 && started.length === 0) throw trouble;
  return { started, failed };
}

async function sweep({ registry, home, settings }: SpawnDeps): Promise<void> {
  await registry.sweep(settings.sweepLostAfterMs);
  await sweepLogs(home, registry, settings.logKeepMs);
  sweepValues(home, settings.envKeepMs);
}

/** Starts one server. What it wrote into Redis before it failed is taken back. */
async function spawnServer(deps: SpawnDeps, options: SpawnOptions): Promise<ServerRecord> {
  const { standby, steps = untold } = options;
  const id = standby?.id ?? createId();
  steps.now(id, 'starts');
  try {
    const record = await start(deps, options, id);
    steps.done(id, doing(record));
    return record;
  } catch (error) {
    steps.failed(id, toMeowError(error));
    throw error;
  }
}

async function start(deps: SpawnDeps, options: SpawnOptions, id: string): Promise<ServerRecord> {
  const { standby } = options;
  mustHaveFolder(options.spec);
  const program = toLaunch(id, deps, options);
  if (!standby) markNamespace(deps.home, id, deps.namespace, deps.settings.namespace);
  deps.registry.note({ ...startOf(options), server: id });
  try {
    debug.fleet?.(`spawns ${program.name}: ${[program.command, ...program.args].join(' ')}`);
    const ready = await launch(program, standby ?? undefined);
    const record = parseRecord(id, JSON.stringify(ready));
    debug.fleet?.(`${program.name} is ready: ${JSON.stringify(ready)}`);
    if ('ok' in record) return record.ok;
    throw new NotReadyError(
      `server ${id} sent no record: ${record.problem}`,
      'Is it a meowctl server?',
      [],
    );
  } catch (error) {
    debug.fleet?.(`${program.name} is taken back: ${plain(reason(error))}`);
    deps.registry.note({ kind: 'gone', server: id, why: `it did not get ready: ${reason(error)}` });
    await takeBack(deps, id, options.replaces);
    throw error;
  }
}

function startOf({ replaces, revived = false, why }: SpawnOptions): NewEvent {
  const place = replaces ? inPlaceOf(replaces.id) : '';
  const who = revived
    ? ({ kind: 'revived', by: RECONCILER } as const)
    : { kind: 'spawned' as const };
  return { ...who, why: why ?? place };
}

/**
 * Boots a server's process before its start, so that only its listening and registering is left.
 * @returns null where that fails: starting it will say why
 */
export function prepareStandby(deps: SpawnDeps, options: SpawnOptions): Standby | null {
  const id = createId();
  try {
    mustHaveFolder(options.spec);
    const spec = adopted(deps.home, options.spec, deps.childEnv);
    markNamespace(deps.home, id, deps.namespace, deps.settings.namespace);
    const { args, ...program } = toLaunch(id, deps, { ...options, spec });
    return new Standby(id, { ...program, args: [...args, '--standby'] });
  } catch (error) {
    toMeowError(error);
    return null;
  }
}

/**
 * Where it had taken the place of another, that one is wanted again: in the folder first, for what
 * Redis alone has is dropped by whoever looks. Where Redis does not answer, whichever it has stays.
 */
async function takeBack({ registry, home }: SpawnDeps, id: string, before?: SignedServer) {
  const wasTaken = before !== undefined && readDesired(home, before, before.id) === null;
  if (wasTaken) writeDesired(home, before, true);
  const given = await registry.forget(id, before, null).catch(toStoreError);
  if (before && given instanceof StoreError) return;
  dropDesired(home, id);
  if (before && given === true) writeDesired(home, before);
  else if (wasTaken) dropDesired(home, before.id);
}

function toStoreError(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  throw error;
}

function interrupted(started: number, count: number): InterruptedError {
  const message = `interrupted with ${started} of ${count} servers ready`;
  const remedy =
    started === 0
      ? 'Those that were starting were stopped'
      : 'Those go on, the others were stopped: see `meowctl listservers`';
  return new InterruptedError(message, remedy);
}
