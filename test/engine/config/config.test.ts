import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { defaults } from '../../../src/defaults.ts';
import {
  backendConfig,
  type EngineServer,
  pagesFile,
  serverLine,
} from '../../../src/engine/config/backend-config.ts';
import { doorConfig } from '../../../src/engine/config/door-config.ts';
import type { EngineOptions } from '../../../src/engine/config/engine-options.ts';
import { literal, quoted, socketAddress } from '../../../src/engine/config/words.ts';
import { engineDefaults } from '../../../src/engine-defaults.ts';
import { temporaryFolder } from '../../helpers/cleanup.ts';
import { haproxy } from '../../helpers/haproxy.ts';
import { needs, testWith } from '../../helpers/needs.ts';

const usual: EngineOptions = {
  ...{ ...defaults, ...engineDefaults, host: '127.0.0.1', port: 3000, threads: 2 },
  ...{ balance: 'round-robin', retry: 'idempotent', allowBackends: [], trustProxy: [] },
  ...{ certificates: [], redirectPort: null, hstsSeconds: null, sticky: false, accessLog: false },
};
const servers: readonly EngineServer[] = [
  { id: 'abc234', host: '127.0.0.1', port: 3001, page: '/healthz' },
  { id: 'xyz789', host: '::1', port: 3002, page: '/.meowctl/health' },
];

/** What HAProxy says of both files, in a folder of that name. */
function checked(name: string, options: EngineOptions, list: readonly EngineServer[]): string {
  const folder = join(temporaryFolder(), name);
  const [door, backend] = [join(folder, 'door.cfg'), join(folder, 'servers.cfg')];
  const places = { socket: join(folder, 'a.sock'), pages: join(folder, 'pages.map') };
  mkdirSync(folder);
  writeFileSync(places.pages, pagesFile(list));
  writeFileSync(door, doorConfig('abcdef', options, places));
  writeFileSync(backend, backendConfig('abcdef', list, options, places));
  const { status, stdout, stderr } = spawnSync(haproxy(), ['-c', '-f', door, '-f', backend]);
  return `${status} ${stdout}${stderr}`.trim();
}

describe('the configuration of HAProxy', () => {
  testWith(needs.haproxy, 'is taken without a warning, whatever flags say', () => {
    const variants: Partial<EngineOptions>[] = [
      {},
      { host: '::1', threads: 1, accessLog: true },
      { host: '0.0.0.0', balance: 'least-inflight', retry: 'connect' },
      { trustProxy: ['10.0.0.0/8', '::1/128'], maxHeaderBytes: 65_536, maxHeaderLines: 50 },
      { drainMs: 0, doorConnectMs: 0, maxInflight: 1_000_000 },
    ];
    const says = variants.map((over) => checked('plain', { ...usual, ...over }, servers));
    expect([...new Set(says), checked('plain', usual, [])]).toEqual([
      ...['0 Configuration file is valid', '0 Configuration file is valid'],
    ]);
  });

  test('says the same of a server in its file and over the runtime socket', () => {
    const [first = { id: '', host: '', port: 0, page: '' }] = servers;
    const line = serverLine(first, usual);
    expect(line).toMatch(/^abc234 127\.0\.0\.1:3001 check inter 500ms fall 3 rise 2 /);
    const file = backendConfig('abcdef', servers, usual, { socket: '', pages: '/p' });
    expect(file).toContain(`\n    server ${line}\n`);
  });

  test('names the pages of health that are not the usual one', () => {
    expect(pagesFile(servers)).toBe('xyz789 /.meowctl/health\n');
  });

  test('writes words as HAProxy reads them', () => {
    expect(literal('/a/b.sock')).toBe('/a/b.sock');
    expect(literal('a b$c#')).toBe("'a b$c#'");
    expect(quoted('a "$b"\n')).toBe('"a \\"\\$b\\"\\n"');
    expect(socketAddress('::1', 3000)).toBe('[::1]:3000');
  });
});
