import type { AskedSpec } from '../../fleet/targets/app.ts';
import type { Context } from '../context/context.ts';
import type { AskedApp } from './app-flags.ts';
import { envInWords } from './asked-env.ts';

/** What a person asked for on this machine, its values kept in the state folder. */
export async function keptApp(
  context: Context,
  asked: AskedApp | null,
  say = context.output.talk,
): Promise<AskedSpec | null> {
  if (asked === null) return null;
  const [{ prepareStateFolder }, { keepValues }] = await Promise.all([
    import('../../state/folder.ts'),
    import('../../environment/kept-values.ts'),
  ]);
  const { home } = context.config;
  const { spec, env, isNamed, isPlain } = asked;
  prepareStateFolder(home);
  const kept = keepValues(home, env.values);
  for (const line of envInWords(env)) say(line);
  return { spec: { ...spec, ...kept }, isNamed, isPlain };
}
