import type { Command } from 'commander';
import type { Context } from '../context/context.ts';
import { examples } from '../flags/help.ts';
import { readPictures } from '../picture-files/read.ts';
import { withBar } from '../progress/shown.ts';

interface Options {
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export function addUpload(program: Command, context: Context): void {
  program
    .command('upload')
    .description('put pictures on top of the queue: all of them, or none')
    .argument('<file...>', 'png, jpeg, gif, webp or avif; - for stdin')
    .option('--json', 'print {images, queued}')
    .option('-q, --quiet', 'print only the ids')
    .addHelpText('after', examples('meowctl upload img/morning.jpg', 'meowctl upload - < cat.gif'))
    .action((files: string[], options: Options) => upload(context, files, options));
}

async function upload(context: Context, files: string[], options: Options): Promise<void> {
  const { output } = context;
  const pictures = await readPictures(files, context.process.stdin);
  const bytes = pictures.reduce((sum, { data }) => sum + data.length, 0);
  const stored = await context.withStore(({ store }) =>
    withBar(context, { pictures: pictures.length, bytes }, (sent) =>
      store.images.enqueue(pictures, ({ size }) => sent(size)),
    ),
  );
  if (options.json) return output.json(stored);
  for (const { id, name, type, size } of stored.images) {
    output.line(options.quiet ? id : `${id}  ${name}  ${type}  ${size} bytes`);
  }
  if (!options.quiet) output.talk(`${stored.queued} queued`);
}
