import { defaults } from '../config.ts';
import { variablesOf } from '../fleet/app-environment.ts';
import { quote } from '../text.ts';
import { hint, leftOf, type OpenApp, resolved } from './opened-app.ts';

/** @param spec a program: nothing else is served without what the other kinds need */
export const openProgram: OpenApp = async ({ process: host, output }, _, spec, env) => {
  if (spec.kind !== 'program') throw new TypeError(`${spec.kind} is no program`);
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
};

function oldPath(command = ''): string {
  return `the PATH it was asked for with does not lead to ${quote(command)} any more: today's is used`;
}
