import type { Command } from 'commander';
import { NothingError } from '../../errors.ts';
import { plain, quote } from '../../text.ts';
import type { Context } from '../context/context.ts';
import { examples } from '../flags/help.ts';
import type { Evidence } from './evidence.ts';

interface Options {
  readonly json?: boolean;
}

export function addDescribe(program: Command, context: Context): void {
  program
    .command('describe')
    .description('print everything that is known of one server')
    .argument('<server>', 'its id, port or url')
    .option('--json', 'print {id, state, record, desired, doors, events, log}')
    .addHelpText('after', examples('meowctl describe k3x9ab', 'meowctl describe 3001 --json'))
    .action((server: string, options: Options) => describe(context, server, options));
}

async function describe(context: Context, server: string, { json }: Options): Promise<void> {
  const { gather } = await import('./evidence.ts');
  const evidence = await gather(context);
  if (evidence.outage) throw evidence.outage;
  const [{ descriptionOf }, { sectionsOf }, { isOfHost, thisMachine }] = await Promise.all([
    import('./description.ts'),
    import('./description-lines.ts'),
    import('../../process/identity.ts'),
  ]);
  const description = descriptionOf(evidence, await idOf(context, evidence, server));
  if (!description) throw new NothingError(`no server ${quote(server)}`, becameOf(server));
  const { output } = context;
  if (json) return output.json(description);
  const place = description.record ?? description.desired;
  const isHere = place !== null && isOfHost(place, thisMachine(context.config.home));
  const sections = sectionsOf(description, { isHere, here: evidence.here });
  const width = Math.max(...sections.map(([name]) => name.length));
  for (const [name, lines] of sections) {
    lines.forEach((line, at) => {
      output.line(`${(at === 0 ? name : '').padEnd(width)}  ${plain(line)}`);
    });
  }
}

async function idOf(
  { config }: Context,
  { fleet, events }: Evidence,
  server: string,
): Promise<string> {
  const [{ findTargets, knownServers }, { identify, thisMachine }] = await Promise.all([
    import('../../fleet/targets/servers.ts'),
    import('../../process/identity.ts'),
  ]);
  const machine = thisMachine(config.home);
  try {
    const [found] = findTargets([server], knownServers(fleet), machine, identify);
    return found?.id ?? server;
  } catch (error) {
    const isGone = events.some((event) => event.server === server);
    if (!(error instanceof NothingError) || !isGone) throw error;
    throw new NothingError(`server ${server} is gone`, becameOf(server));
  }
}

function becameOf(server: string): string {
  return `\`meowctl why ${plain(server)}\` tells what became of it`;
}
