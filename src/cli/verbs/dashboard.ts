import type { Command } from 'commander';
import { FailedError, NothingError } from '../../errors.ts';
import type { Context } from '../context/context.ts';
import { doorsHere } from '../context/doors-here.ts';
import { examples } from '../flags/help.ts';

interface Options {
  readonly open?: boolean;
  readonly json?: boolean;
}

/** A door's page. */
interface Page {
  readonly url: string;
  /** The door's process. */
  readonly pid: number;
}

const START = 'Start one with `meowctl up` or `meowctl proxy`';

export function addDashboard(program: Command, context: Context): void {
  program
    .command('dashboard')
    .description("print the address of the door's page, with the token that gives it rights")
    .option('--open', 'open it in the browser')
    .option('--json', 'print an array of {url, pid}, one for each door')
    .addHelpText('after', examples('meowctl dashboard', 'meowctl dashboard --open'))
    .action((options: Options) => dashboard(context, options));
}

async function dashboard(context: Context, options: Options): Promise<void> {
  const pages = await pagesHere(context);
  const { output } = context;
  if (options.json) output.json(pages);
  else for (const { url } of pages) output.line(url);
  const [first] = pages;
  if (!first) throw new NothingError('no door with an admin listener runs here', START);
  if (options.open) await openPage(context, first);
}

async function pagesHere(context: Context): Promise<Page[]> {
  const { keptAdminToken } = await import('../../state/admin-token.ts');
  const token = keptAdminToken(context.config.home);
  if (token === null) return [];
  const doors = await doorsHere(context);
  return doors.map(({ admin, pid }) => ({ url: `${admin}/#token=${token}`, pid }));
}

async function openPage({ config }: Context, { url }: Page): Promise<void> {
  const [{ openFile, OPENER }, { writeDashboardFile }] = await Promise.all([
    import('../../process/system-commands.ts'),
    import('../../state/dashboard-file.ts'),
  ]);
  if (openFile(writeDashboardFile(config.home, url), config.childEnv)) return;
  const message = `\`${OPENER}\` does not open it`;
  throw new FailedError('no-browser', message, 'Open the address in a browser yourself');
}
