import { join } from 'node:path';
import { makeFolder, prepareStateFolder } from './folder.ts';
import { readIfAny, writeWhole } from './whole-file.ts';

const KEY = /^[A-Za-z0-9_-]{43}$/;

/** The key of the sticky cookie as the state folder keeps it, for when Redis was emptied. */
export function keptStickyKey(home: string, namespace: string) {
  const folder = join(home, 'sticky');
  const path = join(folder, `${namespace}.key`);
  return {
    namespace,
    load(): string | null {
      const text = readIfAny(path);
      return KEY.test(text) ? text : null;
    },
    /** @throws FailedError naming the folder or the file */
    save(key: string): void {
      prepareStateFolder(home);
      makeFolder(folder);
      writeWhole(path, key);
    },
  };
}
