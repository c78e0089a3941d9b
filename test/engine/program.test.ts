import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findHaproxy } from '../../src/engine/program.ts';
import { temporaryFolder } from '../helpers/cleanup.ts';

/** A folder with a program in it that says it is this version. */
function folderWith(says: string): string {
  const folder = temporaryFolder();
  const path = join(folder, 'haproxy');
  writeFileSync(path, `#!/bin/sh\necho '${says}'\n`);
  chmodSync(path, 0o755);
  return folder;
}

const least = { major: 2, minor: 6 };

describe('the HAProxy of a machine', () => {
  test.each([
    ['HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/', '2.6.12-1+deb12u4'],
    ['HAProxy version 3.2.1-dev 2027/01/02', '3.2.1-dev'],
  ])('is used where it is new enough: %s', (says, version) => {
    const folder = folderWith(says);
    const found = findHaproxy({ PATH: `/nowhere:${folder}` }, least, []);
    expect(found).toEqual({ path: join(folder, 'haproxy'), version });
  });

  test.each([
    ['HA-Proxy version 1.8.27 2020/11/06', 'HAProxy 1.8.27'],
    ['HAProxy version 2.4.22 2023/02/14', 'HAProxy 2.4.22'],
    ['something else', 'HAProxy of an unknown version'],
  ])('is refused where it is older: %s', (says, words) => {
    const find = () => findHaproxy({ PATH: folderWith(says) }, least, []);
    expect(find).toThrow(`${words}, older than 2.6`);
  });

  test('that is not there is one line with what to install', () => {
    expect(() => findHaproxy({ PATH: temporaryFolder() }, least, [])).toThrow(
      expect.objectContaining({
        message: '--engine haproxy needs HAProxy, and no haproxy is on PATH',
        remedy: expect.stringContaining('apt-get install haproxy'),
      }),
    );
  });
});
