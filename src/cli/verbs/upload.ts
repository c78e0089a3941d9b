import type { Command } from 'commander';
import { TimeoutError } from '../../errors.ts';
import type { NewPicture, PictureInfo } from '../../model/picture.ts';
import type { Enqueued, Store } from '../../store/store.ts';
import type { Context } from '../context/context.ts';
import { examples } from '../flags/help.ts';
import type { Output } from '../output/output.ts';
import { readPictures } from '../picture-files/read.ts';
import { withBar } from '../progress/shown.ts';

interface Options {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly durable?: boolean;
}

export function addUpload(program: Command, context: Context): void {
  program
    .command('upload')
    .description('put pictures on top of the queue: all of them, or none')
    .argument('<file...>', 'png, jpeg, gif, webp or avif; - for stdin')
    .option('--durable', 'wait until a replica of Redis has them too (MEOW_DURABLE=1); else exit 5')
    .option('--json', 'print {images, queued}, and {durable} where that is asked for')
    .option('-q, --quiet', 'print only the ids')
    .addHelpText('after', examples('meowctl upload img/morning.jpg', 'meowctl upload - < cat.gif'))
    .action((files: string[], options: Options) => upload(context, files, options));
}

async function upload(context: Context, files: string[], options: Options): Promise<void> {
  const { output } = context;
  const pictures = await readPictures(files, context.process.stdin);
  const bytes = pictures.reduce((sum, { data }) => sum + data.length, 0);
  const isDurable = options.durable ?? context.config.durable;
  const { stored, missed } = await context.withStore(({ store }) =>
    withBar(context, { pictures: pictures.length, bytes }, (sent) =>
      put(store, pictures, isDurable, ({ size }) => sent(size)),
    ),
  );
  show(output, options, stored); // whatever a replica has
  if (missed !== null) throw notDurable(missed);
}

interface Stored extends Enqueued {
  /** Whether a replica is known to have them; none where that was not asked for. */
  readonly durable?: boolean;
}

/** @returns also why no replica is known to have them; null where one is, and where nobody asked */
async function put(
  { images }: Store,
  pictures: readonly NewPicture[],
  isDurable: boolean,
  onSent: (picture: PictureInfo) => void,
): Promise<{ readonly stored: Stored; readonly missed: string | null }> {
  if (!isDurable) return { stored: await images.enqueue(pictures, onSent), missed: null };
  const { missed: waiting, ...stored } = await images.enqueueDurably(pictures, onSent);
  const missed = await waiting;
  return { stored: { ...stored, durable: missed === null }, missed };
}

function show(output: Output, options: Options, stored: Stored): void {
  if (options.json) return output.json(stored);
  for (const { id, name, type, size } of stored.images) {
    output.line(options.quiet ? id : `${id}  ${name}  ${type}  ${size} bytes`);
  }
  if (!options.quiet) output.talk(`${stored.queued} queued`);
}

function notDurable(why: string): TimeoutError {
  return new TimeoutError(
    'not-durable',
    `the pictures are queued, but ${why}`,
    'Do not upload them again; `meowctl doctor` tells whether a replica is connected',
  );
}
