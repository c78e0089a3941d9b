import { createRequire } from 'node:module';
import { defaults } from '../config.ts';
import type { CreateHosted } from '../server/hosted.ts';
import type { AppSpec } from '../store/records.ts';
import { quote } from '../text.ts';
import type { Context } from './context.ts';

/** An app that can be served in this process. */
export interface OpenedApp {
  readonly host?: CreateHosted;
  /** After its server has left: lets it clean up, and ends a process that it keeps alive. */
  leave(): void;
}

/** So that our own word on what is late comes before that of who waits for us. */
const AHEAD_MS = 500;
/** How long an app without anything to clean up may keep its process alive. */
const LINGER_MS = 250;

export function openApp(context: Context, spec: AppSpec): Promise<OpenedApp> {
  if (spec.kind === 'module') return openModule(context, spec);
  if (spec.kind === 'program') return openProgram(context, spec);
  settle(context.process, spec);
  return Promise.resolve({ leave: () => {} });
}

async function openModule(
  context: Context,
  spec: AppSpec & { readonly kind: 'module' },
): Promise<OpenedApp> {
  const [{ loadModule }, { holdSignals }] = await Promise.all([
    import('../server/module.ts'),
    import('../server/held-signals.ts'),
  ]);
  const { process: host, cliPath, output } = context;
  const signals = holdSignals(host);
  settle(host, spec);
  const importModule = createRequire(cliPath)('../dist/load-app.cjs');
  const loading = loadModule(spec.path, { importModule, log: output.talk });
  const hosted = await loading.finally(signals.take).catch((error) => {
    endWithin(LINGER_MS, host);
    throw error;
  });
  return {
    host: () => hosted,
    leave: () =>
      endWithin(signals.release(output.talk) > 0 ? defaults.termGraceMs : LINGER_MS, host),
  };
}

/** Ends a process that somebody's timers or connections would keep alive. */
function endWithin(ms: number, host: NodeJS.Process): void {
  setTimeout(() => host.exit(), ms).unref();
}

/** Makes this process what the module expects. Its title must go on telling which server it is. */
function settle(host: NodeJS.Process, { env, cwd }: AppSpec): void {
  const { env: own, title } = host;
  delete own.MEOW_APP;
  Object.assign(own, env);
  if (cwd !== null && cwd !== host.cwd()) host.chdir(cwd);
  Object.defineProperty(host, 'title', { get: () => title, set() {} });
}

async function openProgram(
  { process: host, config }: Context,
  spec: AppSpec & { readonly kind: 'program' },
): Promise<OpenedApp> {
  const [{ hostProgram }, { startProgram }] = await Promise.all([
    import('../server/program.ts'),
    import('../fleet/program.ts'),
  ]);
  const readyMs = (spec.readyMs ?? defaults.readyTimeoutMs) - AHEAD_MS - host.uptime() * 1_000;
  const createHosted = hostProgram({
    name: `program ${quote(spec.command[0])}`,
    healthPath: spec.health ?? '/',
    readyMs: Math.max(0, readyMs),
    start: (port) =>
      startProgram({
        command: spec.command.map((word) => word.replaceAll('{port}', String(port))),
        env: { ...config.childEnv, ...spec.env, PORT: String(port) },
        cwd: spec.cwd ?? host.cwd(),
        stdout: host.stdout,
        stderr: host.stderr,
        orphanGraceMs: defaults.termGraceMs,
      }),
  });
  return { host: createHosted, leave: () => {} };
}
