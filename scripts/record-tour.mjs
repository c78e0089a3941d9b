// Records docs/tour.svg: the five-minute tour, typed into a shell of tmux, in which the built meowctl
// runs with its usual ports in a network of its own. Needs tmux, curl, unshare and ip.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { drawTour, paintedLines } from './tour-svg.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const file = join(root, 'docs', 'tour.svg');

const COLUMNS = 96;
const ROWS = 26;
const PATIENCE_MS = 120_000;
const MOST_BYTES = 300_000;
/** So long the reader reads, and the fleet comes to rest. */
const REST_MS = 2_500;
/** On a disk of its own, where nobody's folders are. */
const HOME = '/mnt/demo';

const TOUR = [
  'meowctl up --detach',
  'meowctl spawn',
  'for i in 1 2 3 4; do curl -s localhost:3000/ | head -1; done',
  'kill -9 $(meowctl ls --json | grep -o \'"pid":[0-9]*\' | head -1 | cut -d: -f2)',
  'for i in 1 2 3 4; do curl -s localhost:3000/ | head -1; done',
  'meowctl events',
  'meowctl restart',
  'curl -s localhost:3000/set; echo; meowctl get',
  'meowctl upload img/morning.jpg',
  'meowctl meow',
  'meowctl down',
];

const folder = mkdtempSync(join(tmpdir(), 'meow-tour-'));
const socket = join(folder, 'socket');
try {
  const scenes = await record();
  const svg = drawTour(scenes, { columns: COLUMNS, rows: ROWS });
  if (svg.length > MOST_BYTES) throw new Error(`the tour takes ${svg.length} bytes`);
  writeFileSync(file, svg);
  process.stderr.write(`docs/tour.svg: ${statSync(file).size} bytes, ${scenes.length} commands\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function record() {
  openShell();
  try {
    await prompted(0);
    const took = [];
    for (const command of TOUR) {
      const began = performance.now();
      tmux('send-keys', '-l', command);
      tmux('send-keys', 'Enter');
      await prompted(took.length + 1);
      took.push(performance.now() - began);
      await pause(REST_MS);
    }
    return TOUR.map((command, at) => ({ command, ms: took[at] ?? 0, lines: outputOf(at) }));
  } finally {
    tmux('send-keys', 'C-c', '');
    tmux('send-keys', '-l', 'meowctl down; exit');
    tmux('send-keys', 'Enter');
    await ended();
  }
}

/** A shell in a network and under a host name of its own: nothing of the machine's is seen or touched. */
function openShell() {
  const wrapper = join(folder, 'meowctl');
  writeFileSync(wrapper, `#!/bin/sh\nexec '${process.execPath}' '${root}bin/meowctl.js' "$@"\n`, {
    mode: 0o755,
  });
  const env = {
    PATH: [folder, dirname(process.execPath), process.env.PATH].join(delimiter),
    HOME,
    PS1: '$ ',
    LANG: 'C.UTF-8',
    TERM: 'screen-256color',
    COLORTERM: 'truecolor',
    TZ: 'UTC',
  };
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const shell = ['env', '-i', ...variables, 'bash', '--norc', '--noprofile', '-i'];
  const start = `hostname demo; ip link set lo up; mount -t tmpfs none /mnt; mkdir ${HOME}; exec tmux -u -f /dev/null -S '${socket}' "$@"`;
  const session = ['new-session', '-d', '-x', String(COLUMNS), '-y', String(ROWS), ...shell];
  const kept = ['set-option', '-g', 'history-limit', '5000', ';', ...session];
  execFileSync('unshare', ['-rnum', 'sh', '-c', start, 'sh', ...kept], { cwd: root });
}

function tmux(...args) {
  return execFileSync('tmux', ['-u', '-S', socket, ...args], { encoding: 'utf8' });
}

/** All that was printed, a line each, with its colours. */
function transcript() {
  return tmux('capture-pane', '-p', '-e', '-S', '-').trimEnd().split('\n');
}

function isPrompt(line) {
  return /^(\u001b\[[\d;]*m)*\$( |$)/.test(line);
}

/** Waits until the shell has printed so many prompts before this one. */
async function prompted(count) {
  const endMs = performance.now() + PATIENCE_MS;
  while (performance.now() < endMs) {
    const lines = transcript();
    const last = lines.at(-1) ?? '';
    if (lines.filter(isPrompt).length === count + 1 && isPrompt(last)) return;
    await pause(100);
  }
  throw new Error(`no prompt after ${TOUR[count - 1] ?? 'the start'}:\n${transcript().join('\n')}`);
}

function outputOf(at) {
  const lines = transcript();
  const prompts = lines.flatMap((line, n) => (isPrompt(line) ? [n] : []));
  return paintedLines(lines).slice((prompts[at] ?? 0) + 1, prompts[at + 1]);
}

async function ended() {
  for (let left = PATIENCE_MS / 200; left > 0; left--) {
    try {
      execFileSync('tmux', ['-S', socket, 'list-sessions'], { stdio: 'ignore' });
    } catch {
      return; // the server of tmux has ended with its last shell
    }
    await pause(200);
  }
}
