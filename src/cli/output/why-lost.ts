import { defaults } from '../../defaults.ts';
import { type FleetView, isLeased, type Listing, type Silence } from '../../model/fleet-view.ts';
import type { Registry } from '../../store/store.ts';
import { duration } from '../../time/duration.ts';
import { zonedTime } from '../../time/zoned-time.ts';
import type { Output } from './output.ts';
import type { Row } from './rows.ts';

/** The fleet, and where a server sends no heartbeat, why that may be. */
export interface FleetWithSilence {
  readonly fleet: FleetView;
  readonly silence: Silence | null;
}

/** Reads the fleet once, and the reason of silence only where a server is silent. */
export async function look(
  registry: Pick<Registry, 'fleet' | 'silence'>,
): Promise<FleetWithSilence> {
  const fleet = await registry.fleet();
  if (fleet.servers.every(isLeased)) return { fleet, silence: null };
  const silence = await registry.silence();
  // Doors are silent as well then: their last words are better than none.
  const doors = silence.takesNoWrites ? silence.doors : fleet.doors;
  return { fleet: { ...fleet, doors }, silence };
}

/**
 * Adds to each lost server the reason. Where Redis refuses all heartbeats a server is not lost: its row
 * then shows its last known state.
 */
export function explainLost(
  rows: readonly Row[],
  { fleet, silence }: FleetWithSilence,
): readonly Row[] {
  if (silence === null) return rows;
  const listings = new Map(fleet.servers.map((listing) => [listing.record.id, listing]));
  return rows.map((row) => {
    const listing = listings.get(row.id);
    return row.state === 'lost' && listing ? explained(row, listing, silence) : row;
  });
}

/** Since when Redis takes no writes, and what to do. */
export function sayNoWrites({ silence }: FleetWithSilence, output: Output): void {
  if (!silence?.takesNoWrites || !silence.refusal) return;
  const { message, remedy } = silence.refusal;
  output.talk(`meowctl: ${message}; ${lastBeat(silence.agoMs)}, and this is how it was then`);
  output.talk(`  ${remedy}`);
}

function explained(row: Row, { record, leaseLeftMs }: Listing, silence: Silence): Row {
  const { refusal, takesNoWrites } = silence;
  const silentMs = leaseLeftMs === null ? null : defaults.leaseMs - leaseLeftMs;
  if (!refusal || !isOneOfAll(silentMs, silence)) return { ...row, why: noBeat(silentMs) };
  if (takesNoWrites)
    return { ...row, state: record.state, why: `no beat is taken: ${refusal.message}` };
  return { ...row, why: `its last beat was refused: ${refusal.message}` };
}

/** Whether its beats ended when everybody's did, or must end; before, it was lost by itself. */
function isOneOfAll(silentMs: number | null, { agoMs, refusal }: Silence): boolean {
  if (agoMs === null || refusal?.kind === 'damaged') return true;
  const othersBeat = agoMs < 2 * defaults.beatMs;
  return silentMs !== null && !othersBeat && silentMs - agoMs <= defaults.leaseMs;
}

function noBeat(silentMs: number | null): string {
  return silentMs === null ? 'no beat is known' : `no beat for ${duration(silentMs)}`;
}

function lastBeat(agoMs: number | null): string {
  if (agoMs === null) return 'no beat is known';
  const { time } = zonedTime(Date.now() - agoMs);
  return `it took the last beat at ${time}, ${duration(agoMs)} ago`;
}
