import type { DoorFigures } from '../metrics/door-figures.ts';
import type { CertificateEnd, DoorRecord, DoorTotals } from '../model/door-record.ts';
import type { Seen } from './door.ts';

/** What a door knows of itself. */
interface DoorFacts extends Omit<DoorRecord, 'roster' | 'figures' | 'poison' | 'certificates'> {
  readonly servers: readonly Seen[];
  readonly poison: readonly string[];
  readonly figures: DoorFigures;
  readonly certificates: readonly CertificateEnd[];
}

/** What it says of itself, and of its servers, to the registry. */
export function doorRecord(facts: DoorFacts): DoorRecord {
  const { servers, poison, figures, certificates, ...about } = facts;
  return {
    ...about,
    roster: verdictsOn(servers),
    figures: totals(servers, figures),
    ...(poison.length > 0 ? { poison } : {}),
    ...(certificates.length > 0 ? { certificates } : {}),
  };
}

function verdictsOn(servers: readonly Seen[]): DoorRecord['roster'] {
  return Object.fromEntries(servers.map(({ id, state, reason }) => [id, { state, reason }]));
}

function totals(servers: readonly Seen[], figures: DoorFigures): DoorTotals {
  const { rps, p99Ms } = figures.rates();
  const inflight = servers.reduce((sum, server) => sum + server.inflight, 0);
  return { rps, p99Ms, inflight, errors: figures.total().errors };
}
