import { isDeepStrictEqual } from 'node:util';
import { readValues } from '../../environment/kept-values.ts';
import { UsageError } from '../../errors.ts';
import { type AppSpec, catSpec, isWorker, nameOfApp } from '../../model/app-spec.ts';
import type { DesiredServer } from '../../model/desired-server.ts';
import { type FleetView, isLeased } from '../../model/fleet-view.ts';
import type { Variables } from '../../model/variables.ts';
import { quote } from '../../text.ts';
import { changedApp } from './changed-app.ts';

/** An app as a command line asked for it. */
export interface AskedSpec {
  readonly spec: AppSpec;
  /** By --app or as a program; otherwise its settings are for what runs here. */
  readonly isNamed: boolean;
  /** Without settings: where that app is here already, it is meant as it is. */
  readonly isPlain: boolean;
}

/** The apps a host knows of, one spec for each server. */
export interface AppsHere {
  /** The apps of servers that are wanted here, whether they run now or not. */
  readonly desired: readonly AppSpec[];
  /** The apps of servers that ran here last, and were stopped. */
  readonly stopped: readonly AppSpec[];
  /** Names of what else the fleet serves, by hand or from other hosts: never run from here. */
  readonly others: readonly string[];
}

/** Whose servers are meant, and what they serve. */
export interface WhichApp {
  /** Whose servers count. */
  readonly app: AppSpec;
  /** What one serves that is started again. */
  again(before: AppSpec): AppSpec;
  /**
   * What one more serves: the same as the others.
   * @throws UsageError where those are set differently
   */
  more(): AppSpec;
}

/** @param here by id, what is wanted on this host */
export function appsHere(
  { servers }: Pick<FleetView, 'servers'>,
  here: ReadonlyMap<string, DesiredServer>,
): AppsHere {
  const desiredServers = [...here.values()];
  const specs = (stopped: boolean) =>
    desiredServers.filter(({ state }) => (state === 'stopped') === stopped).map(({ spec }) => spec);
  const others = servers
    .filter((listing) => !here.has(listing.record.id) && isLeased(listing))
    .filter(({ record }) => !record.worker)
    .map(({ record }) => record.app);
  return { desired: specs(false), stopped: specs(true), others: [...new Set(others)] };
}

/**
 * Which app is meant: the one that was asked for; else the one that runs here, or ran here last.
 * @param env what is set here
 * @throws UsageError where none was named, and it is not clear
 */
export function whichApp(
  home: string,
  asked: AskedSpec | null,
  apps: AppsHere,
  env: Variables,
): WhichApp {
  if (asked?.isNamed) return namedApp(home, asked, apps);
  const app = appMeant(apps);
  const change = (spec: AppSpec) => (asked ? changedApp(home, spec, asked, env) : spec);
  return { app, again: change, more: () => change(likeThose(home, ofApp(apps, app)) ?? app) };
}

/** Whether servers of both are counted together, however they are set. */
export function isSameApp(one: AppSpec, other: AppSpec): boolean {
  if (one.kind === 'module') return other.kind === 'module' && one.path === other.path;
  if (one.kind === 'cat') return other.kind === 'cat';
  // `node server.js` is something else in each folder.
  const isSame = other.kind === 'program' && isDeepStrictEqual(one.command, other.command);
  // A site and its worker are often one program.
  return isSame && one.cwd === other.cwd && one.http === other.http;
}

/** One spec for each app. */
export function distinctApps(specs: readonly AppSpec[]): AppSpec[] {
  return specs.filter((spec, at) => specs.findIndex((each) => isSameApp(each, spec)) === at);
}

/** Apps by name, for a message. */
export function inWords(specs: readonly AppSpec[]): string {
  return specs
    .map((spec) => {
      const folder = spec.kind === 'program' && spec.cwd !== null ? ` in ${quote(spec.cwd)}` : '';
      return quote(nameOfApp(spec)) + folder;
    })
    .join(', ');
}

function namedApp(home: string, { spec, isPlain }: AskedSpec, apps: AppsHere): WhichApp {
  const known = isPlain ? ofApp(apps, spec) : [];
  return {
    app: spec,
    again: (before) => (isPlain && isSameApp(before, spec) ? before : spec),
    more: () => likeThose(home, known) ?? spec,
  };
}

function appMeant({ desired, stopped, others }: AppsHere): AppSpec {
  const serving = (specs: readonly AppSpec[]) => specs.filter((spec) => !isWorker(spec));
  const running = serving(desired);
  const isRunning = running.length > 0;
  // What takes no requests has to be named.
  const found = distinctApps(isRunning ? running : serving(stopped));
  const [first = catSpec] = found;
  if (found.length > 1) {
    const what = isRunning ? 'servers of several apps run' : 'several apps ran';
    throw sayWhich(`${what} on this host: ${inWords(found)}`);
  }
  const strange = others.filter((name) => name !== nameOfApp(catSpec));
  if (found.length === 1 || strange.length === 0) return first;
  const names = strange.map((name) => quote(name)).join(', ');
  throw sayWhich(`this fleet serves ${names}, which nobody asked for on this host`);
}

function ofApp({ desired, stopped }: AppsHere, app: AppSpec): AppSpec[] {
  const [running, last] = [desired, stopped].map((specs) =>
    specs.filter((spec) => isSameApp(spec, app)),
  );
  return (running?.length ? running : last) ?? [];
}

function likeThose(home: string, specs: readonly AppSpec[]): AppSpec | null {
  const [first, ...others] = specs;
  if (!first || others.every((spec) => isSetAlike(home, spec, first))) return first ?? null;
  const message = `servers of ${inWords([first])} on this host are set differently`;
  throw new UsageError(
    message,
    'Name it with --app and all its settings, or make them alike with `meowctl restart --env`',
  );
}

/** Whatever the shells they were asked for in: the base of one may differ from the other's. */
function isSetAlike(home: string, one: AppSpec, other: AppSpec): boolean {
  if (settingsOf(one) !== settingsOf(other)) return false;
  return one.envDigest === other.envDigest || declaredIn(home, one) === declaredIn(home, other);
}

function settingsOf({ seal: _, envDigest: __, readyMs: ___, ...spec }: AppSpec): string {
  return JSON.stringify(spec);
}

function declaredIn(home: string, { envDigest }: AppSpec): string {
  return envDigest === null ? '{}' : JSON.stringify(readValues(home, envDigest).declared);
}

function sayWhich(message: string): UsageError {
  return new UsageError(
    message,
    'Say which: --app FILE, `-- PROGRAM`, or --app cat for the built-in one',
  );
}
