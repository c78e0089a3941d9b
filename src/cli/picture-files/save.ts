import { type FileHandle, lstat, open, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FailedError } from '../../errors.ts';
import { withoutSystem } from '../../expected-errors.ts';
import { quote, systemReason } from '../../text.ts';

/**
 * Writes a file that is whole or not there. Opened exclusively, so that a planted link is not followed.
 * @throws FailedError naming the file
 */
export async function savePicture(file: string, data: Buffer, force: boolean): Promise<void> {
  await refuseOther(file);
  const target = force ? join(dirname(file), `.${basename(file)}.${process.pid}`) : file;
  try {
    await writeWhole(target, data);
    if (force) await rename(target, file);
  } catch (error) {
    throw cannotWrite(file, error);
  }
}

async function refuseOther(file: string): Promise<void> {
  const found = await lstat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw cannotWrite(file, error);
  });
  if (!found || found.isFile()) return;
  const what = found.isDirectory() ? 'a folder' : 'not a plain file';
  throw new FailedError('not-a-file', `${quote(file)} is ${what}`, 'Name a new file');
}

async function writeWhole(file: string, data: Buffer): Promise<void> {
  const handle = await open(file, 'wx');
  try {
    await handle.writeFile(data);
    await settle(handle);
  } catch (error) {
    await handle.close().catch(withoutSystem(null));
    await unlink(file);
    throw error;
  }
}

async function settle(handle: FileHandle): Promise<void> {
  await handle.sync();
  await handle.close();
}

function cannotWrite(file: string, cause: unknown): FailedError {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === 'EEXIST') {
    return new FailedError(
      'exists',
      `${quote(file)} is already there`,
      'Choose another name, or overwrite it with --force',
      { cause },
    );
  }
  const why =
    code === 'ENOENT' ? `the folder ${quote(dirname(file))} is not there` : systemReason(cause);
  return new FailedError(
    'cannot-write',
    `cannot write ${quote(file)}: ${why}`,
    'The picture is still queued; choose another place',
    { cause },
  );
}
