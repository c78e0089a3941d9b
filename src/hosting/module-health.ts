import { TimeoutError } from '../errors.ts';
import {
  type AskLimits,
  answeredWith,
  ask,
  type HealthPage,
  isWell,
  isWord,
  type Said,
} from '../health/ask-app.ts';
import type { StatusRange } from '../model/health-page.ts';
import { type Clock, monotonicClock, until } from '../time/until.ts';
import type { App } from './app.ts';
import { moreTime, NAME_A_PATH } from './not-ready.ts';

export interface ModuleHealthDeps {
  /** What messages call it. */
  readonly name: string;
  readonly path: string;
  readonly status: StatusRange;
  readonly readyMs: number;
  /** What to say after the remedy, where it is not ready. */
  readonly hint: string;
  readonly limits: AskLimits;
  readonly clock?: Clock;
}

const POLL_MS = 50;

/** A module that has a page of health is ready when that says so; it is asked at its server's port. */
export function withHealth(app: App, deps: ModuleHealthDeps): App {
  const { path, status } = deps;
  let page: HealthPage = { host: '', port: 0, path, status };
  return {
    ...app,
    page: () => page,
    async start(port, host) {
      page = { host, port, path, status };
      await app.start?.(port, host);
      await untilWell(page, deps);
    },
  };
}

async function untilWell(page: HealthPage, deps: ModuleHealthDeps): Promise<void> {
  const { readyMs, limits, clock = monotonicClock } = deps;
  const limit = clock.nowMs() + readyMs;
  let heard: Said | null = null;
  const look = async () => {
    const said = await ask(page, limits, limit - clock.nowMs());
    if (isWord(said)) heard = said;
    return isWell(said, page.status);
  };
  const well = await until(look, { everyMs: POLL_MS, withinMs: readyMs, clock });
  if (!well) throw tooLate(heard, page, deps);
}

function tooLate(
  heard: Said | null,
  page: HealthPage,
  { name, readyMs, hint }: ModuleHealthDeps,
): TimeoutError {
  const status = heard?.status ?? null;
  const what =
    status === null
      ? `does not answer GET ${page.path}`
      : `still answers ${answeredWith(page.path, status, page.status)}`;
  const after = `after ${(readyMs / 1_000).toFixed(1)} s`;
  const remedy = status === null ? moreTime('Name another path with --health') : NAME_A_PATH;
  return new TimeoutError('app-not-ready', `${name} ${what} ${after}`, remedy + hint);
}
