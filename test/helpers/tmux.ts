import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BIN } from './cli.ts';
import { until } from './until.ts';

const PROMPT = 'READY>';

export interface PaneOptions {
  readonly columns?: number;
  readonly rows?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** How a terminal is set: what a program that ends must put back. */
interface Modes {
  readonly alternate: boolean;
  readonly cursor: boolean;
  readonly wrap: boolean;
  readonly mouse: boolean;
}

/** A shell in a terminal of tmux. */
export interface Pane {
  /** Types a command line; `meowctl` is the built one. */
  type(line: string): void;
  /** Keys by tmux' names: `C-c`, `Enter`, `Down`, `q`. */
  press(...keys: string[]): void;
  /** What stands on it now, a row each, without blanks at the ends. */
  screen(): string[];
  /** The same with its colours, as a terminal is sent them. */
  painted(): string[];
  /** With what has scrolled away. */
  history(): string[];
  modes(): Modes;
  resize(columns: number, rows: number): void;
  /** Waits until the screen holds it. @returns the screen then */
  shows(what: string | RegExp): Promise<string[]>;
  /** Waits for the shell's next prompt. @returns the exit code of what ran */
  ended(): Promise<number>;
  /** The terminal's settings as `stty -a` names them. */
  stty(): Promise<string>;
  close(): void;
}

export async function openPane(
  env: Readonly<Record<string, string>>,
  { columns = 80, rows = 24, env: more = {} }: PaneOptions = {},
): Promise<Pane> {
  const folder = mkdtempSync(join(tmpdir(), 'meow-test-tmux-'));
  const socket = join(folder, 'socket');
  const program = `#!/bin/sh\nexec '${process.execPath}' '${BIN}' "$@"\n`;
  writeFileSync(join(folder, 'meowctl'), program, { mode: 0o755 });
  const PATH = `${folder}:${env.PATH ?? ''}`;
  const all = { ...env, PATH, PS1: `$?${PROMPT} `, HISTFILE: '', ...more };
  const variables = Object.entries(all).map(([name, value]) => `${name}=${value}`);
  // -u: it is a terminal of Unicode whatever the shell in it is told.
  const tmux = (...args: string[]) =>
    execFileSync('tmux', ['-u', '-f', '/dev/null', '-S', socket, ...args], { encoding: 'utf8' });
  const shell = ['env', '-i', 'TERM=screen-256color', ...variables];
  const size = ['-x', String(columns), '-y', String(rows)];
  tmux('new-session', '-d', ...size, ...shell, 'bash', '--norc', '--noprofile', '-i');
  const rowsOf = (text: string) => text.trimEnd().split('\n');
  const screen = () => rowsOf(tmux('capture-pane', '-p'));
  const painted = () => rowsOf(tmux('capture-pane', '-p', '-e'));
  const history = () => rowsOf(tmux('capture-pane', '-p', '-S', '-'));
  const flag = (name: string) => tmux('display-message', '-p', `#{${name}}`).trim() === '1';
  const prompts = () =>
    history().flatMap((row) => new RegExp(`^(\\d+)${PROMPT}`).exec(row)?.[1] ?? []);
  let seen = 0;
  const type = (line: string) => {
    seen = prompts().length;
    tmux('send-keys', '-l', line);
    tmux('send-keys', 'Enter');
  };
  const ended = async () => Number(await until('a prompt', () => prompts()[seen] ?? null));
  await until('the shell is there', () => prompts().length > 0);
  return {
    screen,
    history,
    painted,
    type,
    ended,
    press: (...keys) => void tmux('send-keys', ...keys),
    modes: () => ({
      alternate: flag('alternate_on'),
      cursor: flag('cursor_flag'),
      wrap: flag('wrap_flag'),
      mouse: flag('mouse_any_flag'),
    }),
    resize(width, height) {
      tmux('resize-window', '-x', String(width), '-y', String(height));
    },
    shows: (what) =>
      until(`the terminal shows ${what}`, () => {
        const now = screen();
        const text = now.join('\n');
        return (typeof what === 'string' ? text.includes(what) : what.test(text)) && now;
      }),
    async stty() {
      const file = join(folder, 'stty');
      type(`stty -a > '${file}'`);
      await ended();
      return readFileSync(file, 'utf8').replace(/rows \d+; columns \d+;/, '');
    },
    close() {
      spawnSync('tmux', ['-S', socket, 'kill-server']);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
