import type { FleetEvent } from '../../model/event.ts';
import { eventInWords, portOfReady } from '../../model/event-words.ts';
import { type Standing, standings } from '../../model/server-state.ts';
import type { Evidence } from './evidence.ts';
import { inShort } from './request-story.ts';
import { serverStory } from './server-story.ts';
import { clock, counted, type Story } from './story.ts';

const MOST_EVENTS = 20;
const MOST_REQUESTS = 10;

interface Moment {
  /** Unix ms; `to` is not in it. */
  readonly from: number;
  readonly to: number;
}

/** What happened in a while; null where nothing is known of it. */
export function momentStory(evidence: Evidence, { from, to }: Moment): Story | null {
  const isThen = ({ at }: { readonly at: number }) => at >= from && at < to;
  const events = evidence.events.filter(isThen);
  const requests = evidence.notes.filter(isThen).reverse();
  if (events.length === 0 && requests.length === 0) return null;
  const sentences = [
    ...events.slice(0, MOST_EVENTS).map((event) => inLine(event, evidence.here)),
    ...more(events.length - MOST_EVENTS, 'event', 'meowctl events'),
    ...requests.slice(0, MOST_REQUESTS).map((note) => `A request had trouble: ${inShort(note)}.`),
    ...more(requests.length - MOST_REQUESTS, 'request', 'meowctl why --json'),
  ];
  return { sentences, events, requests, log: [] };
}

function more(count: number, what: string, where: string): string[] {
  return count > 0 ? [`And ${counted(count, `more ${what}`)}: see \`${where}\`.`] : [];
}

/** What is known of whoever has a port, or had it last; null where nobody is known. */
export function portStory(evidence: Evidence, port: number): Story | null {
  const [door] = evidence.fleet.doors.filter(({ url }) => url.endsWith(`:${port}`));
  const ids = serversAt(evidence, port);
  const id = ids.at(-1);
  const story = id === undefined ? null : serverStory(evidence, id);
  if (door)
    return { ...(story ?? nothing), sentences: [`Door ${door.id} listens at ${door.url}.`] };
  if (!story) return null;
  const before = ids.slice(0, -1);
  const others =
    before.length > 0 ? [`Before it, port ${port} was that of ${before.join(', ')}.`] : [];
  return {
    ...story,
    sentences: [...story.sentences.slice(0, 1), ...others, ...story.sentences.slice(1)],
  };
}

const nothing: Story = { sentences: [], events: [], requests: [], log: [] };

/** In the order in which they had it; who has it now is the last. */
function serversAt({ events, fleet }: Evidence, port: number): string[] {
  const then = events.filter((event) => portOfReady(event) === port).map(({ server }) => server);
  const now = standings(fleet).filter(({ record }) => record.port === port);
  const byLife = now.sort((a, b) => rank(a) - rank(b) || a.record.startedAt - b.record.startedAt);
  const all = [...then, ...byLife.map(({ record }) => record.id)].filter((id) => id !== null);
  return [...new Set(all.reverse())].reverse();
}

function rank({ state, hasRecord }: Standing): number {
  if (state === 'up') return 2;
  return hasRecord ? 1 : 0;
}

/** What a door told of itself and of servers, the newest of it; null where it is not known. */
export function doorStory({ events: all, fleet, here }: Evidence, id: string): Story | null {
  const events = all.filter(({ by }) => by === `door ${id}`);
  const door = fleet.doors.find((one) => one.id === id);
  if (!door && events.length === 0) return null;
  const now = door ? `listens at ${door.url}` : 'is not open any more';
  const left = events.length - MOST_EVENTS;
  const sentences = [
    `${id} is a door, and ${now}.`,
    ...(left > 0 ? [`(${left} more before: see \`meowctl events\`)`] : []),
    ...events.slice(-MOST_EVENTS).map((event) => inLine(event, here)),
  ];
  return { sentences, events, requests: [], log: [] };
}

function inLine(event: FleetEvent, here: string): string {
  return `${clock(event.at)} ${eventInWords(event, here)}.`;
}
