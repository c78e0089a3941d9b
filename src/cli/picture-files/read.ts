import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { defaults } from '../../defaults.ts';
import { FailedError, MeowError } from '../../errors.ts';
import type { NewPicture } from '../../model/picture.ts';
import { quote, systemReason } from '../../text.ts';

const MIB = 1_024 * 1_024;

type ReadPicture = NewPicture & { readonly data: Buffer };

/**
 * Reads and checks every file before any is sent.
 * @throws FailedError naming the first file that cannot be a picture of ours
 */
export async function readPictures(
  files: readonly string[],
  stdin: AsyncIterable<Buffer>,
): Promise<ReadPicture[]> {
  if (files.length > defaults.maxQueuedPictures) throw tooMany(files.length);
  const pictures: ReadPicture[] = [];
  for (const file of files) {
    const data = file === '-' ? await readStream(stdin) : await readFile(file);
    pictures.push(await toPicture(file === '-' ? 'stdin' : file, data));
  }
  return pictures;
}

// Non-blocking, so that a FIFO nobody writes to does not hold us up before we see what it is.
async function readFile(file: string): Promise<Buffer> {
  let handle: FileHandle | null = null;
  try {
    handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const found = await handle.stat();
    if (found.isDirectory()) throw notAFile(file, 'a folder');
    if (!found.isFile()) throw notAFile(file, 'not a plain file');
    if (found.size > defaults.maxPictureBytes) throw tooLarge(file);
    return await handle.readFile();
  } catch (error) {
    throw error instanceof MeowError ? error : cannotRead(file, error);
  } finally {
    await handle?.close();
  }
}

async function readStream(stdin: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin) {
    size += chunk.length;
    if (size > defaults.maxPictureBytes) throw tooLarge('stdin');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function toPicture(file: string, data: Buffer): Promise<ReadPicture> {
  if (data.length === 0) throw new FailedError('empty', `${quote(file)} is empty`, nothingSent);
  const { inspectPicture } = await import('../../cats/picture/type.ts');
  const { pictureName } = await import('../../cats/picture/name.ts');
  const found = inspectPicture(data, defaults.maxPicturePixels);
  if ('problem' in found) {
    throw new FailedError('not-a-picture', `${quote(file)} ${found.problem}`, nothingSent);
  }
  return { data, type: found.type, name: pictureName(file) };
}

const notUtf8 = 'Nothing was sent. Its name is not UTF-8: rename it, or meowctl upload - < file';
const nothingSent = 'Nothing was sent. Pictures are png, jpeg, gif, webp and avif files';

function notAFile(file: string, what: string): FailedError {
  return new FailedError('not-a-file', `${quote(file)} is ${what}`, nothingSent);
}

function tooLarge(file: string): FailedError {
  const most = `at most ${defaults.maxPictureBytes / MIB} MiB a picture`;
  return new FailedError('too-large', `${quote(file)} is too large`, `Nothing was sent: ${most}`);
}

function tooMany(count: number): FailedError {
  const most = `The queue holds ${defaults.maxQueuedPictures}`;
  return new FailedError('too-many', `${count} pictures are too many`, `${most}; nothing was sent`);
}

function cannotRead(file: string, cause: unknown): FailedError {
  const { code } = cause as NodeJS.ErrnoException;
  const why = code === 'ENOENT' ? 'is not there' : `cannot be read: ${systemReason(cause)}`;
  // As Node shows bytes of a name that are not UTF-8: it cannot open such a file by its name.
  const remedy = file.includes('\ufffd') ? notUtf8 : nothingSent;
  return new FailedError('cannot-read', `${quote(file)} ${why}`, remedy, { cause });
}
