import { UsageError } from '../../errors.ts';
import type { AppChange } from '../../fleet/targets/changed-app.ts';
import { catSpec } from '../../model/app-spec.ts';
import { isVariableName } from '../../model/variables.ts';
import { quote } from '../../text.ts';
import type { Context } from '../context/context.ts';
import { type AppFlags, askedApp } from './app-flags.ts';

export interface ChangeFlags extends AppFlags {
  readonly noEnv?: readonly string[];
}

/** What is to be new about servers that are replaced, or null when they stay as they are. */
export function askedChange(context: Context, flags: ChangeFlags): AppChange | null {
  const withdrawn = flags.noEnv ?? [];
  const asked = askedApp(context, flags, { isChange: true });
  if (!asked && withdrawn.length === 0) return null;
  const { spec = catSpec, env, isNamed = false } = asked ?? {};
  const declared = env?.values.declared ?? {};
  const both = withdrawn.find((name) => Object.hasOwn(declared, name));
  if (both !== undefined) {
    throw new UsageError(`--env together with --no-env for ${both}`, 'Use one of them');
  }
  return { spec, isNamed, declared, withdrawn, keepsFolder: flags.cwd === undefined };
}

/** Names of variables, one a flag. */
export function withdrawn(name: string, before: readonly string[] = []): string[] {
  if (isVariableName(name)) return [...before, name];
  const what = `variable name ${quote(name)} is not valid`;
  throw new UsageError(what, 'Use --no-env NAME, its name of A-Z a-z 0-9 and _');
}
