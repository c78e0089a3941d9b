import type { AppSpec } from '../model/app-spec.ts';
import { baseOf, isSetting, only, type Variables } from '../model/variables.ts';
import { onPath } from '../process/own-program.ts';
import { type EnvLimits, readEnvFile } from './env-file.ts';
import { type KeptValues, readValues } from './kept-values.ts';

/** What an app gets, the later over the earlier, and what is still known of the rest. */
export interface AppEnvironment {
  readonly base: Variables;
  readonly file: Variables;
  readonly declared: Variables;
  /** How many other variables there were when it was asked for. */
  readonly leftOut: number;
  /** The PATH it was asked for with does not find its program any more: today's is used. */
  readonly isOldPath: boolean;
}

/**
 * The environment an app is started with, the same at every start.
 * @param here what is set here and now: the base of an app that has none kept
 * @throws FailedError where its values or its file cannot be had
 */
export function appEnvironment(
  home: string,
  spec: AppSpec,
  here: Variables,
  limits: EnvLimits,
): AppEnvironment {
  const { envDigest, envFile } = spec;
  const kept: KeptValues =
    envDigest === null
      ? { base: baseOf(here), declared: {}, leftOut: 0 }
      : readValues(home, envDigest);
  const file = envFile === undefined ? {} : readEnvFile(envFile, limits).variables;
  const isOldPath = !Object.hasOwn(kept.declared, 'PATH') && hasMovedOn(spec, kept.base, here);
  const base = isOldPath ? { ...kept.base, PATH: here.PATH ?? '' } : kept.base;
  return { ...kept, base, file, isOldPath };
}

/** All of it together. A program that asks where it is hears the name its folder was given. */
export function variablesOf(env: AppEnvironment, { cwd }: Pick<AppSpec, 'cwd'>): Variables {
  const { base, file, declared } = env;
  return { ...base, ...(cwd === null ? {} : { PWD: cwd }), ...file, ...declared };
}

/**
 * The environment of a server's process. A module's is the server's own, and Node reads it at its
 * start; a program gets its own from the server, which is not to be changed by it.
 */
export function serverVariables(
  home: string,
  spec: AppSpec,
  here: Variables,
  limits: EnvLimits,
): Variables {
  const env = appEnvironment(home, spec, here, limits);
  if (spec.kind === 'program') return env.base;
  return only(variablesOf(env, spec), (name) => !isSetting(name));
}

// A version manager, say, that moved its folders.
function hasMovedOn(spec: AppSpec, { PATH: then = '' }: Variables, { PATH: now = '' }: Variables) {
  if (spec.kind !== 'program' || then === now) return false;
  const [command = ''] = spec.command;
  const from = spec.cwd ?? '/';
  return !finds(then, command, from) && finds(now, command, from);
}

function finds(path: string, command: string, from: string): boolean {
  return command.includes('/') || onPath(command, { PATH: path }, from).length > 0;
}
