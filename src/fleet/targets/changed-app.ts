import {
  adopted,
  type KeptEnv,
  type KeptValues,
  keepValues,
  readValues,
} from '../../environment/kept-values.ts';
import type { AppSpec } from '../../model/app-spec.ts';
import { baseOf, only, othersOf, type Variables } from '../../model/variables.ts';

export interface AppChange {
  /** Settings as they were asked for; null and absent ones change nothing. */
  readonly spec: AppSpec;
  /** Whether it says what to run, too. */
  readonly isNamed: boolean;
  /** Variables that are declared besides, where `spec` has no values kept. */
  readonly declared?: Variables;
  /** Names of variables that are declared no more. */
  readonly withdrawn?: readonly string[];
  /** The folder is only for one that has none. */
  readonly keepsFolder?: boolean;
}

type Always = 'kind' | 'env' | 'envDigest' | 'cwd' | 'health';
type Others = Partial<Omit<AppSpec, Always>>;

const ALWAYS_THERE = new Set(['kind', 'path', 'command', 'env', 'envDigest', 'cwd', 'health']);

/**
 * An app with other settings: what is declared is added to what was declared, a folder, file or
 * health path takes the place of the one there was. The old values stay kept as they are: whoever
 * runs with them may have to be started again.
 * @param here what is set here: the base of an app that has none kept
 * @throws FailedError when the values cannot be read or kept
 */
export function changedApp(
  home: string,
  before: AppSpec,
  change: AppChange,
  here: Variables,
): AppSpec {
  const old = adopted(home, before, here);
  const { cwd, health } = change.spec;
  return {
    ...old,
    ...(change.isNamed ? whatRuns(change.spec) : {}),
    ...keptWith(home, old, change, here),
    cwd: change.keepsFolder ? (old.cwd ?? cwd) : (cwd ?? old.cwd),
    health: health ?? old.health,
    ...othersOfSpec(change.spec),
  };
}

/** The settings that are there only where they were asked for. */
function othersOfSpec(spec: AppSpec): Others {
  const others = Object.entries(spec).filter(([name]) => !ALWAYS_THERE.has(name));
  return Object.fromEntries(others);
}

function whatRuns(spec: AppSpec) {
  if (spec.kind === 'module') return { kind: spec.kind, path: spec.path };
  if (spec.kind === 'program') return { kind: spec.kind, command: spec.command };
  return { kind: spec.kind };
}

function keptWith(
  home: string,
  { env, envDigest }: KeptEnv,
  { spec, declared: more = {}, withdrawn = [] }: AppChange,
  here: Variables,
): KeptEnv {
  const added = valuesOf(home, spec.envDigest, here);
  const besides = { ...added.declared, ...more };
  const isSame = Object.keys(besides).length === 0 && withdrawn.length === 0;
  if (envDigest !== null && isSame) return { env, envDigest };
  const values = envDigest === null ? added : readValues(home, envDigest);
  const all = { ...values.declared, ...besides };
  const declared = only(all, (name) => !withdrawn.includes(name));
  return keepValues(home, { ...values, declared, leftOut: spec.envAll ? 0 : values.leftOut });
}

function valuesOf(home: string, envDigest: string | null, here: Variables): KeptValues {
  if (envDigest !== null) return readValues(home, envDigest);
  return { base: baseOf(here), declared: {}, leftOut: Object.keys(othersOf(here)).length };
}
