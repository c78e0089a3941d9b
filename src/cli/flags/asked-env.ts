import { defaults } from '../../defaults.ts';
import { type EnvFile, readEnvFile } from '../../environment/env-file.ts';
import type { KeptValues } from '../../environment/kept-values.ts';
import { UsageError } from '../../errors.ts';
import type { AppSpec } from '../../model/app-spec.ts';
import {
  baseOf,
  isVariableName,
  MAX_VARIABLES,
  othersOf,
  type Variables,
  variableBytes,
} from '../../model/variables.ts';
import { quote } from '../../text.ts';
import type { Context } from '../context/context.ts';
import { typedPath } from './typed-path.ts';

export interface EnvFlags {
  readonly env?: readonly string[];
  readonly envFile?: string;
  readonly envAll?: boolean;
}

/** The environment that was asked for: its part of a spec, and the values that stay here. */
export interface AskedEnv {
  readonly part: Pick<AppSpec, 'env' | 'envFile' | 'envAll'>;
  readonly values: KeptValues;
  readonly file: EnvFile | null;
}

export function askedEnv(context: Context, flags: EnvFlags): AskedEnv {
  const here = context.config.childEnv;
  const named = Object.fromEntries((flags.env ?? []).map((text) => variable(text, here)));
  const others = othersOf(here);
  const declared = flags.envAll ? { ...others, ...named } : named;
  mustFit(declared);
  const envFile = flags.envFile === undefined ? null : typedPath(flags.envFile, context);
  const file = envFile === null ? null : readEnvFile(envFile, defaults);
  const isLeftOut = (name: string) =>
    !Object.hasOwn(declared, name) && !Object.hasOwn(file?.variables ?? {}, name);
  const leftOut = Object.keys(others).filter(isLeftOut).length;
  const part = {
    env: Object.keys(declared).sort(),
    ...(envFile === null ? {} : { envFile }),
    ...(flags.envAll ? { envAll: true } : {}),
  };
  return { part, values: { base: baseOf(here), declared, leftOut }, file };
}

/** What a person has to know of it, a line each. */
export function envInWords({ values: { leftOut }, file }: AskedEnv): string[] {
  const skipped = file?.skipped ?? 0;
  return [
    leftOut === 0 ? '' : leftOutInWords(leftOut),
    skipped === 0 ? '' : `--env-file: ${skipped} skipped, as no shell could set such names`,
  ].filter(Boolean);
}

export function leftOutInWords(count: number): string {
  const variables = count === 1 ? '1 other variable' : `${count} other variables`;
  return `${variables} of the environment did not go to the app: --env-all passes on all of them`;
}

// Never says a value: it may be a secret.
function variable(text: string, here: Variables): [string, string] {
  const at = text.indexOf('=');
  const name = at === -1 ? text : text.slice(0, at);
  if (!isVariableName(name)) {
    const what = `variable name ${quote(name)} is not valid`;
    throw new UsageError(what, 'Use --env NAME=VALUE, its name of A-Z a-z 0-9 and _');
  }
  if (at !== -1) return [name, text.slice(at + 1)];
  if (Object.hasOwn(here, name)) return [name, here[name] ?? ''];
  throw new UsageError(`variable ${name} is not set here`, `Set it, or use --env ${name}=VALUE`);
}

function mustFit(declared: Variables): void {
  const sizes = Object.entries(declared).map(
    ([name, value]) => [name, variableBytes(name, value)] as const,
  );
  const [name = '', most = 0] = sizes.sort((a, b) => b[1] - a[1])[0] ?? [];
  if (most > defaults.maxVariableBytes) {
    const remedy = `A variable may take ${defaults.maxVariableBytes}: put what is long into a file`;
    throw new UsageError(`variable ${quote(name)} takes ${most} bytes`, remedy);
  }
  if (sizes.length > MAX_VARIABLES) {
    const remedy = `Use at most ${MAX_VARIABLES}`;
    throw new UsageError(`${sizes.length} variables are declared for the app`, remedy);
  }
  const all = sizes.reduce((sum, [, bytes]) => sum + bytes, 0);
  if (all <= defaults.maxEnvBytes) return;
  throw new UsageError(
    `the app's variables take ${all} bytes, ${quote(name)} the most of them`,
    `Use at most ${defaults.maxEnvBytes}; put what is long into a file`,
  );
}
