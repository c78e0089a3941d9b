import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { defaults } from '../../defaults.ts';
import { type AppEnvironment, variablesOf } from '../../environment/app-environment.ts';
import type { App } from '../../hosting/app.ts';
import type { AppSpec } from '../../model/app-spec.ts';
import { isSetting, type Variables } from '../../model/variables.ts';
import type { Store } from '../../store/store.ts';
import { quote } from '../../text.ts';
import type { Context } from '../context/context.ts';
import { openProgram } from './open-program.ts';
import { hint, leftOf, type OpenApp, type OpenedApp, resolved } from './opened-app.ts';

/** How long an app without anything to clean up may keep its process alive. */
const LINGER_MS = 250;

/** Opens what a server serves, of any kind. */
export const openApp: OpenApp = (context, store, spec, env) => {
  if (spec.kind === 'module') return openModule(context, spec, env);
  if (spec.kind === 'program') return openProgram(context, store, spec, env);
  return openCat(context, store, spec, env);
};

async function openCat(
  { process: proc, config, output }: Context,
  store: Store,
  spec: AppSpec,
  env: AppEnvironment,
): Promise<OpenedApp> {
  const { catApp } = await import('../../cats/cat-app.ts');
  settle(proc, spec, variablesOf(env, spec));
  const spoolFolder = join(config.home, 'tmp');
  const createApp = catApp({
    store,
    spoolFolder,
    limits: defaults,
    durable: config.durable,
    log: output.talk,
  });
  return { createApp, folder: null, leave: () => {} };
}

async function openModule(
  context: Context,
  spec: AppSpec & { readonly kind: 'module' },
  env: AppEnvironment,
): Promise<OpenedApp> {
  const [{ loadModule }, { deferSignals }] = await Promise.all([
    import('../../hosting/module.ts'),
    import('../../hosting/deferred-signals.ts'),
  ]);
  const { process: proc, cliPath, output } = context;
  const signals = deferSignals(proc);
  const variables = variablesOf(env, spec);
  settle(proc, spec, variables);
  const folder = dirname(resolved(spec.path));
  const importModule = createRequire(cliPath)('../dist/load-app.cjs');
  const deps = { importModule, variables, log: output.talk, hint: hint(env) };
  const loading = loadModule(spec.path, deps);
  const app = await loading.finally(signals.take).catch((error) => {
    endWithin(LINGER_MS, proc);
    throw error;
  });
  const withOwnPage = await withPage(app, proc, spec, env);
  const { drainSignal: signal, killMs = defaults.termGraceMs } = spec;
  const drain = () => void (signal && signals.release(output.talk, signal));
  return {
    createApp: () => ({ ...withOwnPage, drain }),
    folder,
    leave: () => endWithin(signals.release(output.talk) > 0 ? killMs : LINGER_MS, proc),
  };
}

async function withPage(
  app: App,
  proc: NodeJS.Process,
  { path, health, healthStatus, readyMs }: AppSpec & { readonly kind: 'module' },
  env: AppEnvironment,
): Promise<App> {
  if (health === null) return app;
  const [{ withHealth }, { BELOW_500 }] = await Promise.all([
    import('../../hosting/module-health.ts'),
    import('../../health/ask-app.ts'),
  ]);
  return withHealth(app, {
    name: `module ${quote(path)}`,
    path: health,
    status: healthStatus ?? BELOW_500,
    readyMs: leftOf(readyMs, proc),
    hint: hint(env),
    limits: defaults,
  });
}

/** Ends a process that somebody's timers or connections would keep alive. */
function endWithin(ms: number, proc: NodeJS.Process): void {
  setTimeout(() => proc.exit(), ms).unref();
}

/**
 * Makes this process what the module expects: what is meant for meowctl is not for it. Its title
 * must go on telling which server it is.
 */
function settle(proc: NodeJS.Process, { cwd }: AppSpec, variables: Variables): void {
  const { env: own, title } = proc;
  for (const name of Object.keys(own)) {
    if (isSetting(name) && !Object.hasOwn(variables, name)) delete own[name];
  }
  for (const [name, value] of Object.entries(variables)) if (own[name] !== value) own[name] = value;
  if (cwd !== null && cwd !== proc.cwd()) proc.chdir(cwd);
  Object.defineProperty(proc, 'title', { get: () => title, set() {} });
}
