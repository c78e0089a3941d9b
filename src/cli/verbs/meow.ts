import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { defaults } from '../../defaults.ts';
import { NothingError, UsageError } from '../../errors.ts';
import { withoutRedis } from '../../expected-errors.ts';
import { repeat } from '../../loop.ts';
import type { Picture } from '../../model/picture.ts';
import type { Pictures } from '../../store/store.ts';
import { FORMATS, type Format } from '../../terminal/screen.ts';
import { plain, quote } from '../../text.ts';
import type { Context } from '../context/context.ts';
import { choice } from '../flags/choice.ts';
import { examples } from '../flags/help.ts';
import { savePicture } from '../picture-files/save.ts';

interface Options {
  readonly output?: string;
  readonly force?: boolean;
  readonly keep?: boolean;
  readonly json?: boolean;
  readonly format?: Format;
}

const drawFormat = choice(FORMATS, (text): Format => {
  const format = FORMATS.find((name) => name === text);
  if (format) return format;
  throw new UsageError(`format ${quote(text)} is not known`, `Use one of ${FORMATS.join(', ')}`);
});

export function addMeow(program: Command, context: Context): void {
  program
    .command('meow')
    .description('take the newest picture out of the queue, and draw it in a terminal')
    .option('-o, --output <file>', 'write it to a file; into a pipe it goes by itself')
    .option(
      '--format <how>',
      `how it is drawn: ${FORMATS.join(', ')} (default: what the terminal says it can)`,
      drawFormat,
    )
    .option('--force', 'overwrite the file')
    .option('--keep', 'leave it in the queue')
    .option('--json', 'print {id, type, size, name, file}; needs -o')
    .addHelpText('after', examples('meowctl meow -o cat.jpg', 'meowctl meow --keep > cat.jpg'))
    .action((options: Options) => meow(context, options));
}

async function meow(context: Context, options: Options): Promise<void> {
  checkOutput(options);
  await context.withStore(({ store }) => {
    const take = options.keep ? peek : takeOut;
    return take(store.images, (picture) => deliver(context, picture, options));
  });
}

function checkOutput({ output, json, format }: Options): void {
  if (output === undefined) {
    if (json) throw new UsageError('--json needs -o', 'Name a file: meowctl meow -o cat.jpg');
    return;
  }
  if (format === undefined) return;
  throw new UsageError('--format draws, -o saves', 'Give one of the two');
}

type Deliver = (picture: Picture) => Promise<void>;

async function peek(images: Pictures, deliverIt: Deliver): Promise<void> {
  const picture = await images.peek();
  if (!picture) throw emptyQueue();
  await deliverIt(picture);
}

/** Removed only after it is safely elsewhere; back on top when that failed. */
async function takeOut(images: Pictures, deliverIt: Deliver): Promise<void> {
  const picture = await images.claim(randomBytes(12).toString('base64url'));
  if (!picture) throw emptyQueue();
  // A film takes its time.
  const renewal = repeat({
    name: 'renew',
    every: () => defaults.deliveryMs / 3,
    work: () => images.renew(picture.id, picture.claim).catch(withoutRedis(false)),
    log: () => {},
    unref: true,
  });
  try {
    await deliverIt(picture);
  } catch (error) {
    await images.putBack(picture.id, picture.claim);
    throw error;
  } finally {
    await renewal.stop();
  }
  await images.acknowledge(picture.id, picture.claim);
}

async function deliver(context: Context, picture: Picture, options: Options): Promise<void> {
  const { output } = context;
  const { id, type, size, name, data } = picture;
  if (options.output === undefined) {
    const { format = null } = options;
    if (format === null && !output.outIsTerminal) return output.bytes(data);
    const { drawHere } = await import('../picture-files/draw.ts');
    return drawHere(context, picture, format);
  }
  await savePicture(options.output, data, options.force ?? false);
  if (options.json) output.json({ id, type, size, name, file: options.output });
  else output.talk(`${plain(name)} (${type}, ${size} bytes) is in ${plain(options.output)}`);
}

function emptyQueue(): NothingError {
  return new NothingError('no picture is queued', 'Add one: meowctl upload cat.jpg');
}
