import { join } from 'node:path';
import { prepareStateFolder } from './folder.ts';
import { writeWhole } from './whole-file.ts';

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '"': '&quot;', '<': '&lt;' };

/**
 * A page for this user alone that leads on to an address: what opens it is told the file's name, and
 * the token that stands in the address is on no command line.
 * @returns its path
 * @throws FailedError naming the folder or the file
 */
export function writeDashboardFile(home: string, address: string): string {
  const url = address.replace(/[&"<]/g, (char) => escapes[char] ?? char);
  const head = '<!doctype html><meta charset="utf-8"><title>meowctl</title>';
  const path = join(home, 'dashboard.html');
  prepareStateFolder(home);
  writeWhole(path, `${head}<meta http-equiv="refresh" content="0; url=${url}">\n`);
  return path;
}
