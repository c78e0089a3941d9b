import type { DoorRecord } from '../../../model/door-record.ts';
import { doorAt } from './door-stream.ts';

/** Whoever may write into Redis must not send us anywhere else. */
const HERE = /^http:\/\/(127(?:\.\d{1,3}){3}|localhost|\[::1\]):\d{1,5}$/;

/** Where the first of these shows what it sees, known from the state folder; null where none answers. */
export async function answeringDoor(places: readonly string[]): Promise<string | null> {
  for (const admin of places) if ((await doorAt(admin)) !== null) return admin;
  return null;
}

/**
 * Where a door of this fleet shows what it sees, on this host.
 * @param usual where one listens that does not say where
 * @returns null where none answers
 */
export async function findDoor(
  doors: readonly DoorRecord[],
  host: string,
  usual: string,
): Promise<string | null> {
  const here = doors.filter((door) => door.host === host);
  const places = here.map(({ admin = usual }) => admin).filter((url) => HERE.test(url));
  for (const admin of new Set(places)) {
    const id = await doorAt(admin);
    if (here.some((door) => door.id === id && (door.admin ?? usual) === admin)) return admin;
  }
  return null;
}
