import type { FleetEvent } from '../../model/event.ts';
import type { RequestNote } from '../../proxy/request-notes.ts';
import type { Evidence } from './evidence.ts';
import { lifeOf } from './server-sentences.ts';
import { clock, type Story } from './story.ts';

/** What happened to a server this long around a request has to do with it. */
const AROUND_MS = 10_000;
const MOST_LINES = 1_000;
const FEW_LINES = 10;
const IDEMPOTENT = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'];

/** What the doors here and the servers' logs know of a request; null where they know nothing. */
export function requestStory(evidence: Evidence, id: string): Story | null {
  const requests = evidence.notes.filter((note) => note.id === id);
  const servers = new Set(requests.flatMap(({ tried }) => tried));
  const [newest] = requests;
  const since = newest && newest.at - AROUND_MS;
  const log = [...servers]
    .flatMap((server) => evidence.lastLines(server, MOST_LINES, since))
    .filter(({ line }) => line.includes(id))
    .slice(-FEW_LINES);
  if (!newest) return null;
  const events = requests.flatMap((note) => around(evidence, note));
  const sentences = [
    ...requests.flatMap(tries),
    ...[...servers].flatMap((server) => {
      const own = events.filter((event) => event.server === server);
      return lifeOf(own, evidence.here).map((sentence) => `${server}: ${sentence}`);
    }),
    ...(log.length > 0 ? ['The logs say of it:'] : []),
  ];
  return { sentences, events, requests, log };
}

/** A request in half a sentence. */
export function inShort({ method, path, at, status, server }: RequestNote): string {
  const who = server === null ? 'the door answered' : `${server} answered`;
  return `${method} ${path} at ${clock(at)}, which ${who} with ${status}`;
}

function tries(note: RequestNote): string[] {
  const { method, path, at, failures } = note;
  const [first, ...more] = failures;
  const begins = `${method} ${path} came at ${clock(at)}`;
  if (!first) return [`${begins}. ${outcome(note)}`];
  const again = more.map(({ server, why }) => ` So did ${server}: ${why}.`).join('');
  return [
    `${begins} and went to ${first.server}, which failed: ${first.why}.${again}`,
    outcome(note),
  ];
}

function outcome({ method, server, status, durationMs, trouble, failures }: RequestNote): string {
  const took = `after ${Math.round(durationMs)} ms`;
  const but = trouble === null ? '' : `: ${trouble}`;
  if (server !== null) {
    const repeated = failures.length > 0 ? 'It was repeated, and ' : '';
    const cut = status < 500 && trouble !== null ? ', and then the answer was cut' : '';
    return `${repeated}${server} answered with ${status}${cut} ${took}${but}.`;
  }
  const mayRepeat = IDEMPOTENT.includes(method);
  const why = mayRepeat ? '' : ` A ${method} that may have reached a server is not repeated.`;
  const own = failures.length > 0 ? '' : but;
  return `The client got ${status} from the door ${took}${own}.${why}`;
}

function around({ events }: Evidence, { at, tried }: RequestNote): FleetEvent[] {
  return events.filter(
    (event) =>
      event.server !== null && tried.includes(event.server) && Math.abs(event.at - at) <= AROUND_MS,
  );
}
