import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { NothingError, UsageError } from '../../errors.ts';
import type { Picture } from '../../model/picture.ts';
import type { Images } from '../../store/store.ts';
import { plain } from '../../text.ts';
import type { Context } from '../context/context.ts';
import { examples } from '../flags/help.ts';
import { savePicture } from '../picture-files/save.ts';

interface Options {
  readonly output?: string;
  readonly force?: boolean;
  readonly keep?: boolean;
  readonly json?: boolean;
}

export function addMeow(program: Command, context: Context): void {
  program
    .command('meow')
    .description('take the newest picture out of the queue')
    .option('-o, --output <file>', 'write it to a file; into a pipe it goes by itself')
    .option('--force', 'overwrite the file')
    .option('--keep', 'leave it in the queue')
    .option('--json', 'print {id, type, size, name, file}; needs -o')
    .addHelpText('after', examples('meowctl meow -o cat.jpg', 'meowctl meow --keep > cat.jpg'))
    .action((options: Options) => meow(context, options));
}

async function meow(context: Context, options: Options): Promise<void> {
  checkOutput(context, options);
  await context.withStore(({ store }) => {
    const take = options.keep ? peek : takeOut;
    return take(store.images, (picture) => deliver(context, picture, options));
  });
}

function checkOutput({ output }: Context, options: Options): void {
  if (options.output !== undefined) return;
  if (options.json) throw new UsageError('--json needs -o', 'Name a file: meowctl meow -o cat.jpg');
  if (!output.outIsTerminal) return;
  throw new UsageError(
    'a picture is not shown in a terminal',
    'Save it, `meowctl meow -o cat.jpg`, or send it into a pipe',
  );
}

type Deliver = (picture: Picture) => Promise<void>;

async function peek(images: Images, deliverIt: Deliver): Promise<void> {
  const picture = await images.peek();
  if (!picture) throw emptyQueue();
  await deliverIt(picture);
}

/** Removed only after it is safely elsewhere; back on top when that failed. */
async function takeOut(images: Images, deliverIt: Deliver): Promise<void> {
  const picture = await images.claim(randomBytes(12).toString('base64url'));
  if (!picture) throw emptyQueue();
  try {
    await deliverIt(picture);
  } catch (error) {
    await images.putBack(picture.id, picture.claim);
    throw error;
  }
  await images.acknowledge(picture.id, picture.claim);
}

async function deliver({ output }: Context, picture: Picture, options: Options): Promise<void> {
  const { id, type, size, name, data } = picture;
  if (options.output === undefined) return output.bytes(data);
  await savePicture(options.output, data, options.force ?? false);
  if (options.json) output.json({ id, type, size, name, file: options.output });
  else output.talk(`${plain(name)} (${type}, ${size} bytes) is in ${plain(options.output)}`);
}

function emptyQueue(): NothingError {
  return new NothingError('no picture is queued', 'Add one: meowctl upload cat.jpg');
}
