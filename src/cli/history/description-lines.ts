import { type AppSpec, isWorker, nameOfApp } from '../../model/app-spec.ts';
import type { ServerFigures, ServerRecord } from '../../model/server-record.ts';
import { duration } from '../../time/duration.ts';
import { zonedTime } from '../../time/zoned-time.ts';
import type { Description, DoorsWord, ToldDesired } from './description.ts';
import { eventLine, timeOfEvent } from './print-events.ts';
import { clock, counted } from './story.ts';

/** What stands in front, and what behind it: each in a line of its own. */
export type Section = readonly [name: string, lines: readonly string[]];

const WANTED: Readonly<Record<ToldDesired['state'], string>> = {
  wanted: 'yes: when it dies, `meowctl up` or `keep` starts it again',
  stopped: 'not now: the next `meowctl scale` or `up` starts it',
  crashed: 'given up: `meowctl restart` with its id starts it again',
};
const MIB = 1_024 * 1_024;

interface Reader {
  /** Whether it is a server of this host. */
  readonly isHere: boolean;
  /** The name of this host. */
  readonly here: string;
}

/** A description as people read it. */
export function sectionsOf(
  { id, state, record, desired, doors, events, log }: Description,
  { isHere, here }: Reader,
): Section[] {
  const place = record ?? desired;
  const sections: Section[] = [
    ['server', [id]],
    ['state', [record ? stateLine(state, record) : state]],
    ...(record ? recordSections(record) : []),
    ['host', [`${place?.host ?? 'unknown'}${isHere ? ' (this host)' : ''}`]],
    ...(desired
      ? desiredSections(desired, record?.app)
      : ([['wanted', ['no: it was run by hand, and nobody starts it again']]] as const)),
    ['doors', doorLines(doors, record, here)],
    ...(record?.figures ? [['figures', figureLines(record.figures)] as const] : []),
    ['events', events.length > 0 ? events.map((event) => eventLine(event, { here })) : ['none']],
    [
      'log',
      log.length > 0
        ? log.map(({ at, line }) => `${timeOfEvent(Date.parse(at))} ${line}`)
        : ['nothing here'],
    ],
  ];
  return sections.filter(([, lines]) => lines.length > 0);
}

function stateLine(state: Description['state'], { startedAt, failing }: ServerRecord): string {
  const { date, time } = zonedTime(startedAt);
  const since = `${state}, started ${date} ${time.slice(0, 8)}, ${duration(Date.now() - startedAt)} ago`;
  return failing ? `${since}; its app ${failing}` : since;
}

function recordSections(record: ServerRecord): Section[] {
  const { url, pid, program, worker, version, health, folder, requests, inflight } = record;
  const inner = program ? `; its program: pid ${program.pid} on port ${program.port}` : '';
  const work = worker ? `; its worker: pid ${worker.pid}` : '';
  return [
    ['url', worker ? [] : [url]],
    ['process', [`pid ${pid}${inner}${work}`]],
    ['app', [record.app]],
    ['folder', folder ? [folder] : []],
    ['health', health ? [`asked at ${health}`] : []],
    ['version', version ? [version] : []],
    ['requests', worker ? [] : [`${requests} so far, ${inflight} in flight`]],
  ];
}

function desiredSections(desired: ToldDesired, app: string | undefined): Section[] {
  const { state, ofUp, replaces, restarts = 0, spec } = desired;
  const { env, envFile, envAll, cwd, drainSignal, killMs, readyMs } = spec;
  const name = nameOfApp(spec as AppSpec);
  const all = envAll ? ' (all there were)' : '';
  return [
    [
      'wanted',
      [
        WANTED[state],
        portWanted(desired),
        ofUp ? 'goes when `up` ends' : '',
        replaces ? `took the place of ${replaces}` : '',
        restarts > 0 ? `started again ${counted(restarts, 'time')} so far` : '',
      ].filter(Boolean),
    ],
    ['started as', name === app ? [] : [name]],
    ['runs in', cwd ? [cwd] : []],
    ['variables', env.length > 0 ? [`${env.join(', ')}${all}`] : []],
    ['more of them', envFile ? [envFile] : []],
    [
      'limits',
      [
        drainSignal ? `${drainSignal} tells it to finish` : '',
        killMs === undefined ? '' : `${killMs / 1_000} s from SIGTERM to SIGKILL`,
        readyMs === undefined ? '' : `${readyMs / 1_000} s to be ready`,
      ].filter(Boolean),
    ],
  ];
}

function portWanted({ fixedPort, port, spec }: ToldDesired): string {
  if (isWorker(spec as AppSpec)) return '';
  return fixedPort ? `always on port ${port}` : 'on any free port';
}

function doorLines(
  doors: readonly DoorsWord[],
  record: ServerRecord | null,
  here: string,
): string[] {
  if (doors.length > 0) return doors.map((door) => doorLine(door, here));
  return [record?.worker ? 'none: it takes no requests' : 'none tells of it'];
}

function doorLine({ id, url, host, state, reason, since }: DoorsWord, here: string): string {
  const why = reason === '' ? '' : `: ${reason}`;
  const when = since === null ? '' : `, since ${clock(since)}`;
  const where = host === here ? '' : ` on ${host}`;
  return `${id} at ${url}${where}: ${state}${why}${when}`;
}

function figureLines({ rss, cpuMs, heap, loopMs }: ServerFigures): string[] {
  return [
    rss === null ? '' : `${Math.round(rss / MIB)} MiB of memory`,
    heap === null ? '' : `${Math.round(heap / MIB)} MiB of JavaScript objects`,
    cpuMs === null ? '' : `${(cpuMs / 1_000).toFixed(1)} s of CPU time`,
    loopMs === null ? '' : `${loopMs.toFixed(1)} ms delay of its event loop (p99)`,
  ].filter(Boolean);
}
