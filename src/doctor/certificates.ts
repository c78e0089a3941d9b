import type { DoorRecord } from '../model/door-record.ts';
import { plain } from '../text.ts';
import { bad, type Check, counted, some, warn, well } from './check.ts';

const DAY_MS = 24 * 3_600_000;
const SOON_MS = 14 * DAY_MS;

/**
 * Until when the certificates of all doors are good. Nothing is said where none has any.
 * @param nowMs Unix ms
 */
export function checkCertificates(
  doors: readonly Pick<DoorRecord, 'id' | 'certificates'>[],
  nowMs: number,
): Check[] {
  const all = doors.flatMap(({ id, certificates = [] }) =>
    certificates.map((one) => ({ ...one, door: id, leftMs: one.endsAt - nowMs })),
  );
  if (all.length === 0) return [];
  const check = 'certificates';
  const remedy =
    'Put a new certificate and key in the place of the old: the door reads them itself';
  const named = (list: typeof all) =>
    some(list.map(({ name, door, leftMs }) => `${plain(name)} at door ${door} ${inWords(leftMs)}`));
  const ended = all.filter(({ leftMs }) => leftMs <= 0);
  if (ended.length > 0) return [bad(check, named(ended), remedy)];
  const soon = all.filter(({ leftMs }) => leftMs <= SOON_MS);
  if (soon.length > 0) return [warn(check, named(soon), remedy)];
  const days = Math.floor(Math.min(...all.map(({ leftMs }) => leftMs)) / DAY_MS);
  return [well(check, `${counted(all.length, 'certificate')}, the first ends in ${days} days`)];
}

function inWords(leftMs: number): string {
  const days = Math.floor(Math.abs(leftMs) / DAY_MS);
  if (leftMs <= 0) return days === 0 ? 'has ended today' : `ended ${counted(days, 'day')} ago`;
  return days === 0 ? 'ends within a day' : `ends in ${counted(days, 'day')}`;
}
