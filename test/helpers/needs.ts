import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'vitest';
import { haproxy } from './haproxy.ts';

declare module 'vitest' {
  interface TaskMeta {
    /** What this machine lacks for the test: `scripts/count-tests.mjs` fails a run in CI by it. */
    missing?: string;
  }
}

/** What a test needs that not every machine has. */
export interface Need {
  readonly what: string;
  isHere(): boolean;
}

/** Long tests of what shorter ones show in part are run by `npm run test:all` alone. */
export const thorough = process.env.MEOW_THOROUGH === '1';

/** Asked once: a browser takes a while to say its version. */
const once = (look: () => boolean) => {
  let known: boolean | null = null;
  return () => (known ??= look());
};

const inNamespace = (...command: string[]) =>
  spawnSync('unshare', ['-pf', '--mount-proc', ...command]).status === 0;

const NETWORK =
  'ip link add plug type veth peer name eth0 && ip link add switch type bridge && nft add table inet cut && nsenter --version && python3 --version';

export const needs = {
  root: { what: 'root', isHere: () => process.geteuid?.() === 0 },
  mount: { what: 'the right to mount a tmpfs', isHere: once(mayMount) },
  pidNamespace: {
    what: 'root and pid namespaces (unshare)',
    isHere: once(() => inNamespace('true')),
  },
  chosenPids: {
    what: 'root, unshare and /proc/sys/kernel/ns_last_pid',
    isHere: once(() => inNamespace('sh', '-c', 'echo 99 >/proc/sys/kernel/ns_last_pid')),
  },
  machines: {
    what: 'root, unshare and nsenter',
    isHere: once(() => inNamespace('nsenter', '--version')),
  },
  network: {
    what: 'root, network namespaces (unshare, nsenter), ip (iproute2), nft (nftables) and python3',
    isHere: once(() => spawnSync('unshare', ['-n', 'sh', '-c', NETWORK]).status === 0),
  },
  prlimit: { what: 'prlimit', isHere: once(() => runs('prlimit')) },
  systemd: {
    what: 'systemd (systemctl, systemd-analyze)',
    isHere: once(() => runs('systemd-analyze')),
  },
  socketActivation: {
    what: 'systemd-socket-activate (systemd)',
    isHere: once(() => runs('systemd-socket-activate')),
  },
  nginx: { what: 'nginx', isHere: once(() => spawnSync(nginx(), ['-v']).status === 0) },
  haproxy: { what: 'haproxy', isHere: once(() => spawnSync(haproxy(), ['-v']).status === 0) },
  promtool: {
    what: 'promtool (Debian: prometheus)',
    isHere: once(() => spawnSync(promtool(), ['--version']).status === 0),
  },
  chromium: { what: 'chromium', isHere: once(() => runs(browserProgram())) },
  tmux: { what: 'tmux', isHere: once(() => spawnSync('tmux', ['-V']).status === 0) },
  script: { what: 'script (util-linux)', isHere: once(() => runs('script')) },
  faketime: { what: 'faketime', isHere: once(() => runs('faketime')) },
  zsh: { what: 'zsh', isHere: once(() => runs('zsh')) },
  fish: { what: 'fish', isHere: once(() => runs('fish')) },
  curl: { what: 'curl with HTTP/2', isHere: once(() => runs('curl', '--http2')) },
  nghttp2: {
    what: 'nghttp and h2load (Debian: nghttp2-client)',
    isHere: once(() => runs('h2load')),
  },
  python: { what: 'python3', isHere: once(() => runs('python3')) },
} as const;

/** Without a window, where Debian's package of that is here: it needs a quarter of the work for a page. */
export function browserProgram(): string {
  const places = ['/usr/lib/chromium/chromium-headless-shell', '/usr/bin/chromium'];
  return places.find((path) => existsSync(path)) ?? 'chromium';
}

/** As the machine has it, or as scripts/setup.mjs unpacked it. */
export function nginx(): string {
  return unpacked('nginx/usr/sbin/nginx');
}

export function promtool(): string {
  return unpacked('prometheus/usr/bin/promtool');
}

function unpacked(path: string): string {
  const file = join(import.meta.dirname, '../../node_modules/.cache', path);
  return existsSync(file) ? file : basename(path);
}

/** A test where what it needs is here; elsewhere it is skipped by that name, and fails in CI. */
export function testWith(need: Need, name: string, run: () => unknown): void {
  test(name, async ({ task, skip }) => {
    if (need.isHere()) {
      await run();
      return;
    }
    task.meta.missing = need.what;
    skip(missing(need.what));
  });
}

/** @returns why the test is skipped. In CI it throws: there nothing may be missing. */
export function missing(what: string): string {
  if (process.env.CI) throw new Error(`CI lacks what this test needs: ${what}`);
  return `this machine lacks ${what}`;
}

function runs(program: string, ...flags: string[]): boolean {
  return spawnSync(program, [...flags, '--version']).status === 0;
}

function mayMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'meow-test-mount-'));
  const isMounted = spawnSync('mount', ['-t', 'tmpfs', 'none', folder]).status === 0;
  if (isMounted) spawnSync('umount', [folder]);
  rmdirSync(folder);
  return isMounted;
}
