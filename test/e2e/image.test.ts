import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { finish, openSite, type Site } from '../helpers/cli.ts';
import { needs, testWith, thorough } from '../helpers/needs.ts';
import { type Packed, pack } from '../helpers/package.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';

const DOCKERFILE = join(import.meta.dirname, '..', '..', 'deploy', 'Dockerfile');
const APP = `import { spawn } from 'node:child_process';
export default (request, response) => {
  if (request.url === '/orphan') spawn('sh', ['-c', 'sleep 3 &'], { stdio: 'ignore' });
  response.end('well');
};
`;

let site: Site;
let packed: Packed;
let folder: string;

beforeAll(async () => {
  if (!thorough) return;
  [site, packed] = await Promise.all([openSite(), pack()]);
  folder = mkdtempSync(join(tmpdir(), 'meow-test-image-'));
});
afterAll(async () => {
  if (!thorough) return;
  await site.close();
  packed.remove();
  rmSync(folder, { recursive: true, force: true });
});

interface Step {
  readonly name: string;
  readonly words: string;
}

/** The instructions of the Dockerfile, each on one line. */
function steps(): Step[] {
  const text = readFileSync(DOCKERFILE, 'utf8').replace(/^#.*\n/gm, '');
  const lines = text.replace(/\\\n/g, ' ').split('\n');
  return lines
    .filter((line) => line.trim() !== '')
    .map((line) => ({ name: line.split(' ')[0] ?? '', words: line.replace(/^\S+\s+/, '') }));
}

/** A line of shell for each instruction. In the place of its base images stands this machine. */
function build(all: readonly Step[]): string[] {
  let stage = '';
  return all.flatMap(({ name, words }) => {
    if (name === 'FROM') {
      stage = / AS (\S+)$/.exec(words)?.[1] ?? 'last';
      return [`stage ${stage}`];
    }
    if (name === 'RUN') return [`chroot "$at/${stage}/root" sh -euc '${words}'`];
    if (name === 'COPY') return [copy(words, stage)];
    return [];
  });
}

function copy(words: string, stage: string): string {
  const [, from, source = '', target = ''] = /^(?:--from=(\S+) )?(\S+) (\S+)$/.exec(words) ?? [];
  const to = `"$at/${stage}/root${target}"`;
  if (from === undefined) return `cp ${packed.tarball} ${to}`;
  if (source.endsWith('/node')) return `cp ${process.execPath} ${to}`;
  return `cp -a "$at/${from}/root${source}" ${to}`;
}

const STAGE = `
stage() {
  mkdir -p "$at/$1/upper" "$at/$1/work" "$at/$1/root"
  mount -t overlay image -o "lowerdir=/,upperdir=$at/$1/upper,workdir=$at/$1/work" "$at/$1/root"
  for each in dev proc sys; do mount --rbind "/$each" "$at/$1/root/$each"; done
}`;

// As Kubernetes mounts an empty folder for a group, and nothing else that can be written to.
const RUN = `
root="$at/last/root"
cp "$app" "$root/app/server.mjs"
mount -o remount,ro "$root"
mount -t tmpfs -o mode=2777,gid=10001 state "$root/var/lib/meowctl"
mount -t tmpfs tmp "$root/tmp"
exec unshare -pf --kill-child --mount-proc="$root/proc" chroot --userspec="$user" "$root" \\
  env -i "$@"`;

function runImage(args: readonly string[]) {
  const all = steps();
  const last = (name: string) => all.findLast((step) => step.name === name)?.words ?? '';
  const script = ['set -eu', 'mount -t tmpfs image "$at"', STAGE, ...build(all), RUN].join('\n');
  const file = join(folder, 'image.sh');
  const app = join(folder, 'server.mjs');
  const at = join(folder, 'layers');
  mkdirSync(at);
  writeFileSync(file, script);
  writeFileSync(app, APP);
  const entry = JSON.parse(last('ENTRYPOINT')) as string[];
  const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  const env = [path, ...last('ENV').split(' '), `REDIS_URL=${site.redis.url}`];
  const child = spawn(
    'unshare',
    ['-m', '--propagation', 'private', 'sh', file, ...env, ...entry, ...args],
    { env: { ...process.env, at, app, user: last('USER') }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  return { child, ended: finish(child) };
}

const childrenOf = (pid: number) =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
const commandOf = (pid: number) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');

describe.runIf(thorough)('the image of deploy/Dockerfile', () => {
  testWith(
    needs.machines,
    'serves as a user that is not root, on files that cannot be written, under an init that collects orphans and passes SIGTERM on',
    async () => {
      const port = String(await freePort());
      const flags = ['--host', '0.0.0.0', '--port', port, '--app', '/app/server.mjs'];
      const { child, ended } = runImage(['serve', ...flags]);
      const row = await until('it is up', async () => {
        if (child.exitCode !== null) throw new Error((await ended).stderr);
        return (await site.list()).find(({ state }) => state === 'up');
      });
      const [init = 0] = childrenOf(child.pid ?? 0);
      const [server = 0] = childrenOf(init);
      expect(commandOf(init)[0]).toBe('tini');
      expect(row.pid).not.toBe(1);
      expect(readFileSync(`/proc/${server}/status`, 'utf8')).toMatch(/^Uid:\t10001\t10001/m);
      expect(await (await fetch(`http://127.0.0.1:${port}/orphan`)).text()).toBe('well');
      await until('it has an orphan', () => childrenOf(init).length === 2);
      await until('the orphan is collected', () => childrenOf(init).length === 1);
      process.kill(init, 'SIGTERM');
      const { code, stderr } = await ended;
      expect([code, stderr]).toEqual([0, expect.not.stringContaining('--init')]);
      expect(await site.list()).toEqual([]);
    },
  );
});
