import type { FleetEvent } from '../../model/event.ts';
import { inPlaceOf } from '../../model/event-words.ts';
import { type Standing, standings } from '../../model/server-state.ts';
import { duration } from '../../time/duration.ts';
import type { Evidence } from './evidence.ts';
import { inShort } from './request-story.ts';
import { lifeOf } from './server-sentences.ts';
import { clock, counted, type Story } from './story.ts';

/** A long life in a few sentences: how it began, and what came last. */
const MOST_SENTENCES = 8;
const FEW_REQUESTS = 5;
const LAST_WORDS = 5;

/** What is known of one server; null where nothing is. */
export function serverStory(evidence: Evidence, id: string): Story | null {
  const standing = standings(evidence.fleet).find(({ record }) => record.id === id) ?? null;
  const events = evidence.events.filter(({ server }) => server === id);
  const requests = evidence.notes.filter(({ tried }) => tried.includes(id));
  if (!standing && events.length === 0 && requests.length === 0 && !evidence.hasLog(id))
    return null;
  const isWell = standing?.state === 'up' || standing?.state === 'starting';
  const speaker = standing?.state === 'crashed' ? lastStart(id, evidence) : id;
  const log = isWell ? [] : evidence.lastLines(speaker, LAST_WORDS);
  const sentences = [
    headline(id, standing, events, evidence),
    ...fewOf(lifeOf(events, evidence.here)),
    ...suddenEnd(standing, evidence),
    ...successor(id, evidence),
    ...(isWell ? doubts(id, evidence) : []),
    ...troubles(id, requests),
    ...(isWell ? [] : lastWords(id, speaker, evidence, log.length)),
  ];
  return { sentences, events, requests: requests.slice(0, FEW_REQUESTS), log };
}

function headline(
  id: string,
  standing: Standing | null,
  events: readonly FleetEvent[],
  { outage }: Evidence,
): string {
  if (standing) return `${id} ${inState(standing)}.`;
  if (outage) return `What ${id} does now is not known: ${outage.message}.`;
  if (events.length === 0) return `${id} is not in the fleet, and no event tells of it any more.`;
  return `${id} is not in the fleet any more.`;
}

function inState({ state, record, hasRecord }: Standing): string {
  const { url, worker, startedAt, failing } = record;
  const at = worker ? '' : ` at ${url}`;
  if (state === 'up') {
    const but = failing ? `, but its app ${failing}` : '';
    return `is up${at}, for ${duration(Date.now() - startedAt)}${but}`;
  }
  if (state === 'starting') return `is starting${at}`;
  if (state === 'draining')
    return worker ? 'is leaving' : `is leaving: it finishes its requests at ${url}`;
  if (state === 'crashed')
    return `crashed too often: \`meowctl restart ${record.id}\` starts it again`;
  if (state === 'stopped') return 'is stopped: `meowctl scale` or `up` starts it again';
  return hasRecord ? 'is lost: it sends no heartbeat' : 'is wanted, but does not run';
}

function fewOf(sentences: readonly string[]): string[] {
  if (sentences.length <= MOST_SENTENCES) return [...sentences];
  const [first = '', ...rest] = sentences;
  const left = rest.length - (MOST_SENTENCES - 2);
  return [first, `(${left} more: see \`meowctl events\`)`, ...rest.slice(left)];
}

/** It registered, and its process ended without leaving. */
function suddenEnd(standing: Standing | null, { isGoneHere, howEnded }: Evidence): string[] {
  if (!standing?.hasRecord || !isGoneHere(standing.record)) return [];
  const { id, pid: process } = standing.record;
  const how = howEnded(id);
  if (how !== null) return [`Its process ${process} ${how}, without leaving.`];
  const pid = `Its process ${process} is gone, and did not say that it leaves`;
  return [`${pid}: it was killed (kill -9, or out of memory), or it crashed.`];
}

function successor(id: string, { events }: Evidence): string[] {
  const last = startedAfter(id, events).at(-1);
  if (!last?.server) return [];
  const gone = events.findLast(({ kind, server }) => kind === 'gone' && server === last.server);
  const then = gone?.why ? `, and was gone: ${gone.why}` : '';
  return [`${last.server} was started in its place at ${clock(last.at)}${then}.`];
}

function startedAfter(id: string, events: readonly FleetEvent[]): readonly FleetEvent[] {
  return events.filter(({ why, server }) => server !== null && why === inPlaceOf(id));
}

/** The server whose log tells why that one can be started no more: the last one tried that has a log. */
function lastStart(id: string, { events, hasLog }: Evidence): string {
  const started = startedAfter(id, events).flatMap(({ server }) => server ?? []);
  return started.findLast(hasLog) ?? id;
}

/** What doors have against one that seems well. */
function doubts(id: string, { fleet }: Evidence): string[] {
  return fleet.doors.flatMap((door) => {
    const { state, reason } = door.roster[id] ?? { state: 'usable', reason: '' };
    if (state === 'usable') return [];
    return [`For door ${door.id} at ${door.url} it is ${state}${reason ? `: ${reason}` : ''}.`];
  });
}

function troubles(id: string, requests: Evidence['notes']): string[] {
  const [newest] = requests;
  if (!newest) return [];
  const count = `${counted(requests.length, 'request')} that had trouble came by ${id}`;
  return [`${count}; the newest: ${inShort(newest)}.`];
}

function lastWords(id: string, speaker: string, evidence: Evidence, lines: number): string[] {
  if (lines > 0) return [`The last that ${speaker === id ? 'it' : speaker} said:`];
  return evidence.hasLog(id) ? ['It said nothing.'] : ['Its log is not on this host, or gone.'];
}
