/*
 * What people type who come from pm2, forever, systemctl or docker, and what it is called here.
 */

const LIST = 'Use `meowctl ls`';
const DETAILS = 'Use `meowctl describe ID` for one server, or `meowctl ls --json` for all of them';
const START =
  'Use `meowctl spawn`: `meowctl spawn --app FILE` for a module, `meowctl spawn -- node FILE` for a program';
const STOP =
  'Use `meowctl scale 0`: what ran here is stopped, and `meowctl scale 2` starts it again';
const RESTART = 'Use `meowctl restart`: the new ones serve before the old ones leave';
const SAVE =
  'Nothing to save: what runs is remembered at once, and `meowctl up` or `meowctl keep` brings it back';
const DELETE = 'Use `meowctl destroy`, with an id, a port or a url, or with --all';
const KILL = 'Use `meowctl destroy ID` for one server, or `meowctl scale 0` for all that run here';
const WATCH =
  'Use `meowctl top`, or `meowctl dashboard` for a page; `meowctl logs -f` for what servers say';
const HEALTH = 'Use `meowctl doctor`: it looks at all that a fleet here needs';
const LOGS = 'Use `meowctl logs`, with -f to follow';
const BOOT = 'Let the system start `meowctl up`: docs/operations.md has a unit for systemd';
const BACK = 'Use `meowctl up`, or `meowctl keep` without a door: they bring back what ran here';
const NO_FILE = 'No file is needed: use `meowctl spawn`, with --app, --env and --env-file';

const verbs: ReadonlyMap<string, string> = new Map([
  ...together(START, 'start', 'run', 'launch', 'exec', 'fork'),
  ...together(STOP, 'stop', 'stopall', 'pause', 'halt'),
  ...together(RESTART, 'reload', 'gracefulReload', 'restartall', 'rollout', 'redeploy', 'deploy'),
  ...together(SAVE, 'save', 'dump'),
  ...together(LIST, 'list', 'l', 'ps', 'status', 'jobs'),
  ...together(
    DETAILS,
    'desc',
    'show',
    'info',
    'inspect',
    'jlist',
    'prettylist',
    'pid',
    'id',
    'env',
  ),
  ...together(HEALTH, 'ping', 'report', 'check', 'diagnose', 'health'),
  ...together(DELETE, 'delete', 'del', 'rm', 'remove'),
  ...together(KILL, 'kill', 'sendSignal', 'shutdown'),
  ...together(WATCH, 'monit', 'monitor', 'imonit', 'dash', 'stats'),
  ...together(LOGS, 'log', 'tail'),
  ...together(BOOT, 'startup', 'unstartup', 'enable', 'disable'),
  ...together(BACK, 'resurrect'),
  ...together(NO_FILE, 'init', 'ecosystem'),
  ['flush', 'Nothing to flush: a log is at most five files of 10 MiB, kept for 7 days'],
  ['reset', 'Use `meowctl restart`: a new server counts from 0'],
  ['update', 'Nothing to update: after a new version of meowctl, use `meowctl restart`'],
]);

const COUNT = 'Say how many there shall be: `meowctl spawn 4`';
const NODE = 'Run it as a program: `meowctl spawn -- node --its-flags FILE`';

const flags: ReadonlyMap<string, string> = new Map([
  ...together(COUNT, '-i', '--instances', '--replicas', '--workers'),
  ...together(NODE, '--interpreter', '--node-args', '--interpreter-args'),
  ['--name', 'An app goes by its file or its command, a server by its id: see `meowctl ls`'],
  ['--watch', 'Use `meowctl restart` when there is a new version'],
  ['--no-daemon', 'Use `meowctl up`: it stays in the foreground'],
  ['--update-env', 'Use --env NAME=VALUE: it adds to what is declared'],
]);

/** What a verb of another tool is called here; null where none is known by that name. */
export function verbHere(name: string): string | null {
  return verbs.get(name) ?? null;
}

/** The same of a flag. */
export function flagHere(name: string): string | null {
  return flags.get(name) ?? null;
}

function together(remedy: string, ...names: string[]): [string, string][] {
  return names.map((name) => [name, remedy]);
}
