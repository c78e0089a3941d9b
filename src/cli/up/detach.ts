import { defaults } from '../../defaults.ts';
import type { AppSpec } from '../../model/app-spec.ts';
import { only } from '../../model/variables.ts';
import type { Context } from '../context/context.ts';
import { splitProgram } from '../flags/app-flags.ts';
import { serversInWords } from '../output/rows.ts';

/** The same command line again, in the background. */
export async function detachUp(context: Context, spec: AppSpec | null): Promise<void> {
  const [{ launch }, { logPath, rawLogPath }, { prepareStateFolder }] = await Promise.all([
    import('../../process/launcher.ts'),
    import('../../logs/files.ts'),
    import('../../state/folder.ts'),
  ]);
  const { config, cliPath, process: proc, output } = context;
  prepareStateFolder(config.home);
  const given = withoutVariables(splitProgram(proc.argv).own.slice(2));
  const logFile = logPath(config.home, 'up');
  const said = await launch({
    name: 'meowctl up',
    command: proc.execPath,
    args: [cliPath, ...given, '--detached'],
    env: {
      // An --inspect in NODE_OPTIONS, say, is for this process.
      ...only(config.childEnv, (name) => name !== 'NODE_OPTIONS'),
      ...(spec ? { MEOW_APP: JSON.stringify(spec) } : {}),
    },
    cwd: proc.cwd(),
    logFile,
    rawLogFile: rawLogPath(config.home, 'up'),
    readyTimeoutMs: defaults.upReadyMs,
    termGraceMs: defaults.termGraceMs,
    signal: context.interruption(),
  });
  const { url, servers } = said as { url: string; servers: number };
  output.talk(`door     ${url}, ${serversInWords(servers)}, in the background`);
  output.talk(`log      ${logFile}`);
  output.talk('see `meowctl listservers`; end it with `meowctl down`');
}

const OF_THE_APP = ['--env', '--env-file'];

function withoutVariables(words: readonly string[]): string[] {
  return words.filter((word, at) => {
    if (word === '--detach' || word === '--env-all' || OF_THE_APP.includes(word)) return false;
    if (OF_THE_APP.some((flag) => word.startsWith(`${flag}=`))) return false;
    return !OF_THE_APP.includes(words[at - 1] ?? '');
  });
}
