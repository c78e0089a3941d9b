import type { LogLine } from '../../logs/server-log.ts';
import type { AppSpec } from '../../model/app-spec.ts';
import type { DesiredServer } from '../../model/desired-server.ts';
import type { DoorRecord, DoorVerdict } from '../../model/door-record.ts';
import type { FleetEvent } from '../../model/event.ts';
import type { ServerRecord, ServerState } from '../../model/server-record.ts';
import { type Standing, standings } from '../../model/server-state.ts';
import type { Evidence } from './evidence.ts';

/** What is desired, without what only its host is to know. */
export interface ToldDesired extends Omit<DesiredServer, 'seal' | 'spec'> {
  readonly spec: Omit<AppSpec, 'envDigest' | 'oldValues' | 'seal'>;
}

export interface DoorsWord extends DoorVerdict, Pick<DoorRecord, 'id' | 'url' | 'host'> {
  /** Since when it says so, Unix ms; null where that is not known. */
  readonly since: number | null;
}

/** One server with everything that is known of it. */
export interface Description {
  readonly id: string;
  readonly state: ServerState;
  /** What it says of itself; null where only what is desired is known. */
  readonly record: ServerRecord | null;
  /** Null where it was run by hand. */
  readonly desired: ToldDesired | null;
  readonly doors: readonly DoorsWord[];
  readonly events: readonly FleetEvent[];
  readonly log: readonly LogLine[];
}

const LAST = 10;

/** @returns null where it is neither there nor desired */
export function descriptionOf(evidence: Evidence, id: string): Description | null {
  const standing = standings(evidence.fleet).find(({ record }) => record.id === id);
  if (!standing) return null;
  const events = evidence.events.filter(({ server }) => server === id);
  return {
    id,
    state: standing.state,
    record: standing.hasRecord ? standing.record : null,
    desired: told(standing),
    doors: evidence.fleet.doors.flatMap((door) => wordOf(door, id, evidence.events)),
    events: events.slice(-LAST),
    log: evidence.lastLines(id, LAST),
  };
}

// Values of its environment never get into Redis; a version before 0.2.0 put them there.
function told({ desired }: Standing): ToldDesired | null {
  if (!desired) return null;
  const { seal: _, spec, ...rest } = desired;
  const { envDigest: __, oldValues: ___, seal: ____, ...app } = spec;
  return { ...rest, spec: app };
}

function wordOf(door: DoorRecord, id: string, events: readonly FleetEvent[]): DoorsWord[] {
  const verdict = door.roster[id];
  if (!verdict) return [];
  const { url, host } = door;
  return [{ id: door.id, url, host, ...verdict, since: sinceWhen(door.id, id, verdict, events) }];
}

/** It has used a server since that was ready, or since it opened itself, unless it tells otherwise. */
function sinceWhen(
  door: string,
  id: string,
  { state }: DoorVerdict,
  events: readonly FleetEvent[],
): number | null {
  const by = `door ${door}`;
  const own = events.filter((event) => event.by === by && event.server === id).at(-1);
  const isOut = own?.kind === 'ejected';
  if (state === 'draining')
    return lastAt(events, ({ kind, server }) => server === id && kind === 'ordered');
  if (own) return isOut === (state === 'out') ? own.at : null;
  if (state !== 'usable') return null;
  const begun = (event: FleetEvent) =>
    (event.kind === 'ready' && event.server === id) ||
    (event.kind === 'door-opened' && event.by === by);
  return lastAt(events, begun);
}

function lastAt(events: readonly FleetEvent[], is: (event: FleetEvent) => boolean): number | null {
  return events.filter(is).at(-1)?.at ?? null;
}
