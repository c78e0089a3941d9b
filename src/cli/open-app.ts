import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { defaults } from '../config.ts';
import { type AppEnvironment, variablesOf } from '../fleet/app-environment.ts';
import { isSetting, type Variables } from '../fleet/environment.ts';
import type { CreateHosted, Hosted } from '../server/hosted.ts';
import type { AppSpec } from '../store/records.ts';
import { quote } from '../text.ts';
import { leftOutInWords } from './asked-env.ts';
import type { Context } from './context.ts';

/** An app that can be served in this process. */
export interface OpenedApp {
  readonly host?: CreateHosted;
  /** Where it was found, links resolved; null for the built-in one. */
  readonly folder: string | null;
  /** After its server has left: lets it clean up, and ends a process that it keeps alive. */
  leave(): void;
}

/** How long an app without anything to clean up may keep its process alive. */
const LINGER_MS = 250;

export function openApp(context: Context, spec: AppSpec, env: AppEnvironment): Promise<OpenedApp> {
  if (spec.kind === 'module') return openModule(context, spec, env);
  if (spec.kind === 'program') return openProgram(context, spec, env);
  settle(context.process, spec, variablesOf(env, spec));
  return Promise.resolve({ folder: null, leave: () => {} });
}

async function openModule(
  context: Context,
  spec: AppSpec & { readonly kind: 'module' },
  env: AppEnvironment,
): Promise<OpenedApp> {
  const [{ loadModule }, { holdSignals }] = await Promise.all([
    import('../server/module.ts'),
    import('../server/held-signals.ts'),
  ]);
  const { process: host, cliPath, output } = context;
  const signals = holdSignals(host);
  const variables = variablesOf(env, spec);
  settle(host, spec, variables);
  const folder = dirname(resolved(spec.path));
  const importModule = createRequire(cliPath)('../dist/load-app.cjs');
  const deps = { importModule, variables, log: output.talk, hint: hint(env) };
  const loading = loadModule(spec.path, deps);
  const hosted = await loading.finally(signals.take).catch((error) => {
    endWithin(LINGER_MS, host);
    throw error;
  });
  const served = await withPage(hosted, host, spec, env);
  const { drainSignal: signal, killMs = defaults.termGraceMs } = spec;
  const drain = () => void (signal && signals.release(output.talk, signal));
  return {
    host: () => ({ ...served, drain }),
    folder,
    leave: () => endWithin(signals.release(output.talk) > 0 ? killMs : LINGER_MS, host),
  };
}

async function withPage(
  hosted: Hosted,
  host: NodeJS.Process,
  { path, health, healthStatus, readyMs }: AppSpec & { readonly kind: 'module' },
  env: AppEnvironment,
): Promise<Hosted> {
  if (health === null) return hosted;
  const [{ withHealth }, { BELOW_500 }] = await Promise.all([
    import('../server/module-health.ts'),
    import('../server/ask-app.ts'),
  ]);
  return withHealth(hosted, {
    name: `module ${quote(path)}`,
    path: health,
    status: healthStatus ?? BELOW_500,
    readyMs: leftOf(readyMs, host),
    hint: hint(env),
  });
}

/** How long an app may still take to be ready, from its process' own start. */
function leftOf(readyMs: number = defaults.readyTimeoutMs, host: NodeJS.Process): number {
  return Math.max(0, readyMs - host.uptime() * 1_000);
}

/** Ends a process that somebody's timers or connections would keep alive. */
function endWithin(ms: number, host: NodeJS.Process): void {
  setTimeout(() => host.exit(), ms).unref();
}

/**
 * Makes this process what the module expects: what is meant for meowctl is not for it. Its title
 * must go on telling which server it is.
 */
function settle(host: NodeJS.Process, { cwd }: AppSpec, variables: Variables): void {
  const { env: own, title } = host;
  for (const name of Object.keys(own)) {
    if (isSetting(name) && !Object.hasOwn(variables, name)) delete own[name];
  }
  for (const [name, value] of Object.entries(variables)) if (own[name] !== value) own[name] = value;
  if (cwd !== null && cwd !== host.cwd()) host.chdir(cwd);
  Object.defineProperty(host, 'title', { get: () => title, set() {} });
}

/** What may be missing where an app does not start. */
function hint({ leftOut }: AppEnvironment): string {
  return leftOut === 0 ? '' : `. ${leftOutInWords(leftOut)}`;
}

async function openProgram(
  { process: host, output }: Context,
  spec: AppSpec & { readonly kind: 'program' },
  env: AppEnvironment,
): Promise<OpenedApp> {
  const [{ hostProgram }, { BELOW_500 }, { startProgram }] = await Promise.all([
    import('../server/program.ts'),
    import('../server/ask-app.ts'),
    import('../fleet/program.ts'),
  ]);
  const readyMs = leftOf(spec.readyMs, host);
  const variables = variablesOf(env, spec);
  const cwd = spec.cwd ?? host.cwd();
  if (env.isOldPath) output.talk(oldPath(spec.command[0]));
  const createHosted = hostProgram({
    name: `program ${quote(spec.command[0])}`,
    healthPath: spec.health ?? '/',
    healthStatus: spec.healthStatus ?? BELOW_500,
    hint: hint(env),
    log: output.talk,
    readyMs,
    drainSignal: (spec.drainSignal as NodeJS.Signals | undefined) ?? null,
    start: (port) =>
      startProgram({
        command: spec.command.map((word) => word.replaceAll('{port}', String(port))),
        env: { ...variables, PORT: String(port) },
        cwd,
        stdout: host.stdout,
        stderr: host.stderr,
        orphanGraceMs: spec.killMs ?? defaults.termGraceMs,
      }),
  });
  return { host: createHosted, folder: resolved(cwd), leave: () => {} };
}

// What is not there is said by whoever wants it.
function resolved(path: string): string {
  return existsSync(path) ? realpathSync(path) : path;
}

function oldPath(command = ''): string {
  return `the PATH it was asked for with does not lead to ${quote(command)} any more: today's is used`;
}
