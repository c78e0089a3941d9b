import { isServerId } from '../ids.ts';
import type { FleetEvent } from '../model/event.ts';
import { quote } from '../text.ts';
import type { OverviewCache, ShownStore } from './overview/overview-cache.ts';
import { publicEvent } from './overview/public-view.ts';
import { takingQuery } from './responses/query.ts';
import { json, problem, type Reply } from './responses/reply.ts';
import type { Rights } from './responses/rights.ts';
import type { AdminRequest, Route } from './responses/router.ts';
import type { Viewers } from './viewers.ts';

export interface EventRoutesDeps {
  readonly overviews: OverviewCache;
  readonly viewers: Viewers;
  readonly events: ShownStore['events'];
}

const TAKEN = ['since', 'server', 'limit'];
const USUAL = 200;
const MOST = 1_000;
const ENTRY_ID = /^(\d{1,16})-(\d{1,20})$/;

/** What happened: as a list, or for who wants one as a stream, with an overview each second. */
export function eventRoutes(deps: EventRoutesDeps): Route[] {
  const listed = takingQuery(TAKEN, (asked) => list(deps, asked));
  const answer = (asked: AdminRequest) => {
    const { accept = '' } = asked.request.headers;
    return accept.includes('text/event-stream') ? stream(deps, asked) : listed(asked);
  };
  return [{ path: '/events', methods: { GET: answer } }];
}

/** As whoever has these rights may see it. */
export function eventSeenBy(rights: Rights, event: FleetEvent): FleetEvent {
  return rights === 'all' ? event : publicEvent(event);
}

async function list({ events }: EventRoutesDeps, { query, rights }: AdminRequest): Promise<Reply> {
  const wanted = readQuery(query);
  if (typeof wanted === 'string') return problem(400, wanted, `Allowed: ${TAKEN.join(', ')}`);
  const found = await events.read(wanted);
  return json(found.map((event) => eventSeenBy(rights, event)));
}

/** @returns in words, what is wrong with it */
function readQuery(query: URLSearchParams) {
  const [since, server, limit] = TAKEN.map((name) => query.get(name));
  if (since != null && !/^\d{1,16}$/.test(since)) return `since ${quote(since)} is not in Unix ms`;
  if (server != null && !isServerId(server)) return `server ${quote(server)} is not an id`;
  const isLimit = limit == null || (/^[1-9]\d{0,3}$/.test(limit) && Number(limit) <= MOST);
  if (!isLimit) return `limit ${quote(limit)} is not a number from 1 to ${MOST}`;
  return {
    ...(since == null ? {} : { since: Number(since) }),
    ...(server == null ? {} : { server }),
    limit: Number(limit ?? USUAL),
  };
}

async function stream(deps: EventRoutesDeps, asked: AdminRequest): Promise<null> {
  const { overviews, viewers } = deps;
  const { response, rights } = asked;
  const now = await overviews.now();
  if (response.destroyed) return null;
  viewers.add(asked);
  viewers.tellOne(response, 'overview', now.text(rights));
  await tellMissed(deps, asked);
  return null;
}

/** What happened since the last one that it had, as the HTML standard says: `Last-Event-ID`. */
async function tellMissed(
  { events, viewers }: EventRoutesDeps,
  { request, response, rights }: AdminRequest,
) {
  const [, ms, seq] = ENTRY_ID.exec(String(request.headers['last-event-id'] ?? '')) ?? [];
  if (ms === undefined) return;
  const missed = await events.read({ since: Number(ms), limit: USUAL });
  for (const event of missed) {
    const [eventMs, eventSeq] = event.id.split('-').map(Number);
    const isKnown = eventMs === Number(ms) && Number(eventSeq) <= Number(seq);
    if (isKnown) continue;
    const text = JSON.stringify(eventSeenBy(rights, event));
    viewers.tellOne(response, 'fleet-event', text, event.id);
  }
}
