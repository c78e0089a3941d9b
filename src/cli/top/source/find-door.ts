import type { DoorRecord } from '../../../model/door-record.ts';
import { doorAt } from './door-stream.ts';

/** Whoever may write into Redis must not send us anywhere else. */
const HERE = /^http:\/\/(127(?:\.\d{1,3}){3}|localhost|\[::1\]):\d{1,5}$/;

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
