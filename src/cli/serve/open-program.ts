import { defaults } from '../../defaults.ts';
import { variablesOf } from '../../environment/app-environment.ts';
import type { Program, ProgramDeps } from '../../hosting/program.ts';
import type { AppSpec } from '../../model/app-spec.ts';
import type { Variables } from '../../model/variables.ts';
import { quote } from '../../text.ts';
import { hint, leftOf, type OpenApp, resolved } from './opened-app.ts';

/** @param spec a program: nothing else is served without what the other kinds need */
export const openProgram: OpenApp = async ({ process: proc, output }, _, spec, env) => {
  if (spec.kind !== 'program') throw new TypeError(`${spec.kind} is no program`);
  const { startProgram } = await import('../../process/attached.ts');
  const readyMs = leftOf(spec.readyMs, proc);
  const variables = variablesOf(env, spec);
  const cwd = spec.cwd ?? proc.cwd();
  if (env.isOldPath) output.talk(oldPath(spec.command[0]));
  const start = (command: readonly string[], more: Variables = {}) =>
    startProgram({
      command,
      env: { ...variables, ...more },
      cwd,
      stdout: proc.stdout,
      stderr: proc.stderr,
      orphanGraceMs: spec.killMs ?? defaults.termGraceMs,
    });
  const deps = {
    name: `program ${quote(spec.command[0])}`,
    hint: hint(env),
    log: output.talk,
    readyMs,
    limits: defaults,
    drainSignal: (spec.drainSignal as NodeJS.Signals | undefined) ?? null,
  };
  const isServer = spec.http !== false;
  const createApp = isServer
    ? await behindPort(spec, start, deps)
    : await withoutPort(spec, start, deps);
  return { createApp, folder: resolved(cwd), leave: () => {} };
};

type ProgramSpec = AppSpec & { readonly kind: 'program' };
type Start = (command: readonly string[], more?: Variables) => Program;
type Deps = Omit<ProgramDeps, 'start' | 'healthPath' | 'healthStatus'>;

async function behindPort(spec: ProgramSpec, start: Start, deps: Deps) {
  const [{ programApp }, { BELOW_500 }] = await Promise.all([
    import('../../hosting/program.ts'),
    import('../../health/ask-app.ts'),
  ]);
  return programApp({
    ...deps,
    healthPath: spec.health ?? '/',
    healthStatus: spec.healthStatus ?? BELOW_500,
    start: (port) => {
      const command = spec.command.map((word) => word.replaceAll('{port}', String(port)));
      return start(command, { PORT: String(port) });
    },
  });
}

async function withoutPort({ command }: ProgramSpec, start: Start, deps: Deps) {
  const { workerApp } = await import('../../hosting/worker.ts');
  return workerApp({
    ...deps,
    workerReadyMs: defaults.workerReadyMs,
    start: () => start(command),
  });
}

function oldPath(command = ''): string {
  return `the PATH it was asked for with does not lead to ${quote(command)} any more: today's is used`;
}
