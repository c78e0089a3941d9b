import { bracket } from '../address.ts';
import { TimeoutError } from '../errors.ts';
import { answeredWith, type Said } from '../health/ask-app.ts';
import type { Program, ProgramDeps } from './program.ts';

/*
 * Why a program is not ready, as far as that can be found out: the most common mistakes all look the
 * same from outside.
 */

export interface Waited {
  readonly port: number;
  /** The last answers of any kind. */
  readonly heard: readonly Said[];
}

type Why = readonly [message: string, remedy: string];

const REACHED = ['127.0.0.1', '::1', '0.0.0.0', '::'];
export const NAME_A_PATH = 'See what it said, or name a path that says it is ready: --health';
const LISTEN = 'Let it listen on {port} or $PORT';

export function tooLate(deps: ProgramDeps, program: Program, waited: Waited): TimeoutError {
  const [what, remedy] = whyNot(deps, program, waited);
  const after = `after ${(deps.readyMs / 1_000).toFixed(1)} s`;
  return new TimeoutError('app-not-ready', `${deps.name} ${what} ${after}`, remedy + deps.hint);
}

export function endedEarly(
  deps: Pick<ProgramDeps, 'name' | 'hint'>,
  program: Program,
  how: string,
): TimeoutError {
  const ended = inBackground(program, how);
  const foreground = 'keep it in the foreground';
  const remedy =
    ended !== how
      ? `K${foreground.slice(1)}, as nginx does with -g "daemon off;"`
      : how.endsWith('exit code 0')
        ? `See what it said; if it goes into the background, ${foreground}`
        : 'See what it said';
  const message = `${deps.name} ${ended} before it was ready`;
  return new TimeoutError('app-ended', message, remedy + deps.hint);
}

/** How it ended, and what it left behind. */
export function inBackground(program: Program, how: string): string {
  const pid = program.leftBehind();
  return pid === null ? how : `went into the background (pid ${pid}): it ${how}`;
}

function whyNot(deps: ProgramDeps, program: Program, { port, heard }: Waited): Why {
  const asked = `GET ${deps.healthPath}`;
  const broken = heard.find(({ status }) => status !== null);
  if (broken) {
    const answered = answeredWith(deps.healthPath, broken.status ?? 0, deps.healthStatus);
    return [
      `still answers ${answered}`,
      deps.healthPath === '/' ? NAME_A_PATH : 'See what it said',
    ];
  }
  if (heard.some(({ garbled }) => garbled)) {
    return [`says something on port ${port} that is not HTTP`, 'Let it speak plain HTTP there'];
  }
  const listens = program.listens();
  if (listens === null) return [`did not answer ${asked} on port ${port}`, moreTime(LISTEN)];
  const there = listens.filter((at) => at.port === port);
  if (there.some(({ host }) => REACHED.includes(host))) {
    const remedy = moreTime('Name a path that it answers sooner with --health');
    return [`listens on port ${port}, but does not answer ${asked}`, remedy];
  }
  const [elsewhere] = [...there, ...listens];
  if (!elsewhere)
    return [
      'listens nowhere',
      moreTime(`${LISTEN}, spawn it with --no-http if it takes no requests`),
    ];
  const at = `listens on ${bracket(elsewhere.host)}:${elsewhere.port}`;
  if (there.length === 0) return [`${at}, not on port ${port},`, LISTEN];
  const remedy = 'Let it listen on 127.0.0.1 too; some take their address from HOST or HOSTNAME';
  return [`${at}, not on 127.0.0.1,`, remedy];
}

export function moreTime(remedy: string): string {
  return `${remedy}, or give it more --ready-timeout`;
}
