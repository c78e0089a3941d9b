import { defaults } from '../../defaults.ts';
import { type AppEnvironment, appEnvironment } from '../../environment/app-environment.ts';
import { adopted } from '../../environment/kept-values.ts';
import { type AppSpec, catSpec } from '../../model/app-spec.ts';
import type { Context } from '../context/context.ts';
import { type AppFlags, askedApp } from '../flags/app-flags.ts';

/** What one `serve` serves, and the environment of that. */
export interface ServedApp {
  readonly spec: AppSpec;
  readonly env: AppEnvironment;
}

/** What a launcher asked for: its values are in the state folder. */
export function launchedApp({ config }: Context, given: AppSpec): ServedApp {
  const { home, childEnv } = config;
  const spec = adopted(home, given, childEnv);
  return { spec, env: appEnvironment(home, spec, childEnv, defaults) };
}

/** By hand it gets all that is set here, and what the command line adds. */
export function handRunApp(context: Context, flags: AppFlags): ServedApp {
  const { spec = catSpec, env } = askedApp(context, flags) ?? {};
  const { declared = {} } = env?.values ?? {};
  const file = env?.file?.variables ?? {};
  const base = context.config.childEnv;
  return { spec, env: { base, file, declared, leftOut: 0, isOldPath: false } };
}
