import { dropNewValues, keptDigests } from '../../environment/sweep.ts';
import type { MeowError } from '../../errors.ts';
import type { ServerRecord } from '../../model/server-record.ts';
import { Leaving } from './leaving.ts';
import { type PlanOptions, planRestart, type Replacement } from './plan.ts';
import { prepare, type ReplaceOptions, type RestartDeps, replace } from './replace.ts';
import { Standbys } from './standbys.ts';

type Choice = Pick<PlanOptions, 'targets' | 'force' | 'change'>;

export interface RestartOptions extends ReplaceOptions, Choice {
  /** How many at a time. */
  readonly batch: number;
}

export interface Restarted {
  readonly started: readonly ServerRecord[];
  readonly failed: readonly MeowError[];
  /** How many somebody else replaced or took out first. */
  readonly superseded: number;
}

type Job = RestartDeps & RestartOptions;

/**
 * Replaces servers of this host, a few at a time: the new one starts, every door has it, then the
 * old one is told to leave, and the next one starts while it does; its process boots even before,
 * and waits. The first that fails ends the roll; what has not been replaced serves on.
 * @throws NothingError or FailedError before anything was done
 */
export async function restartServers(
  deps: RestartDeps,
  options: RestartOptions,
): Promise<Restarted> {
  const job: Job = { ...deps, ...options };
  const fleet = await deps.registry.fleet();
  const kept = keptDigests(deps.home);
  const chosen = planRestart(fleet, await deps.desired.look(fleet), job);
  const waiting = [...chosen];
  noteBegin(job, chosen);
  const started: ServerRecord[] = [];
  const failed: MeowError[] = [];
  let superseded = 0;
  const leaving = new Leaving(options.batch * deps.settings.leavingPerStart, (errors) =>
    failed.push(...errors),
  );
  const standbys = new Standbys((old: Replacement) => prepare(job, old));
  try {
    while (waiting.length > 0 && failed.length === 0 && !options.signal.aborted) {
      const batch = waiting.splice(0, options.batch);
      const steps = batch.map((server) => replace(job, server, standbys.take(server.id)));
      standbys.start(waiting.slice(0, Math.min(options.batch, deps.settings.spawnsInParallel)));
      for (const step of await Promise.all(steps)) {
        started.push(...step.started);
        failed.push(...step.failed);
        if (step.superseded) superseded += 1;
        if (step.leaving) leaving.add(step.leaving);
      }
      await leaving.room();
    }
  } finally {
    await standbys.discard(deps.settings.termGraceMs);
  }
  await leaving.all();
  noteEnd(job, started, failed);
  if (started.length === 0) dropNewValues(deps.home, kept, chosen.flatMap(digestOf));
  return { started, failed, superseded };
}

function digestOf({ next: { envDigest } }: Replacement): string[] {
  return envDigest === null ? [] : [envDigest];
}

function noteBegin({ registry }: Job, chosen: readonly Replacement[]): void {
  const ids = chosen.map(({ id }) => id).join(', ');
  registry.note({ kind: 'restart-begun', why: `${chosen.length} to replace: ${ids}` });
}

function noteEnd(
  { registry }: Job,
  started: readonly ServerRecord[],
  [failure]: readonly MeowError[],
): void {
  const trouble = failure ? `; then ${failure.message}` : '';
  registry.note({ kind: 'restart-ended', why: `${started.length} replaced${trouble}` });
}
