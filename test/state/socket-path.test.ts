import { chmodSync, mkdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { socketPath } from '../../src/state/socket-path.ts';
import { temporaryFolder } from '../helpers/cleanup.ts';

const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);

/** A state folder whose path is too long for a socket in it. */
function deepFolder(): string {
  const home = join(temporaryFolder(), 'deep'.repeat(25));
  mkdirSync(home);
  const folder = dirname(socketPath(home, 'x'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return home;
}

function canListen(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    onTestFinished(() => void server.close());
    server.once('error', () => resolve(false));
    server.listen(path, () => resolve(true));
  });
}

test('a socket is bound in the state folder', async () => {
  const home = temporaryFolder();
  const path = socketPath(home, 'keepers/abc.sock');
  expect([path, mode(dirname(path))]).toEqual([join(home, 'keepers/abc.sock'), '700']);
  expect(await canListen(path)).toBe(true);
});

test('a socket whose path in the state folder is too long is bound in a folder of ours', async () => {
  const home = deepFolder();
  const path = socketPath(home, 'up.sock');
  expect(path).toMatch(/^\/tmp\/meowctl-\d+\/[0-9a-f]{20}\/up\.sock$/);
  expect([mode(dirname(path)), mode(dirname(dirname(path)))]).toEqual(['700', '700']);
  expect(await canListen(path)).toBe(true);
});

test('whatever name the state folder is called by, the socket is the same', () => {
  for (const home of [temporaryFolder(), deepFolder()]) {
    const link = join(temporaryFolder(), 'link');
    symlinkSync(home, link);
    expect(socketPath(link, 'up.sock')).toBe(socketPath(home, 'up.sock'));
  }
});

test('a folder for sockets that others may use is refused by name', () => {
  const home = deepFolder();
  const folder = dirname(socketPath(home, 'up.sock'));
  chmodSync(folder, 0o755);
  expect(() => socketPath(home, 'up.sock')).toThrow(`no place for a socket in "${folder}"`);
});
