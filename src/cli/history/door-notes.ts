import type { DoorRecord } from '../../model/door-record.ts';
import { isObject } from '../../model/fields.ts';
import type { FailedTry, RequestNote } from '../../proxy/request-notes.ts';
import type { Context } from '../context/context.ts';

const WITHIN_MS = 2_000;
const MOST_BYTES = 8 * 1_024 * 1_024;
const OURS = /^http:\/\/(127\.0\.0\.1|localhost|\[::1\]):(\d{1,5})$/;

/**
 * What the doors of this host remember of requests that had trouble, newest first. Each is asked at
 * its admin listener, with the token of the state folder: so only a listener on loopback that the
 * door's own process holds, whatever Redis says.
 */
export async function notesOfDoors(
  { config, output }: Context,
  doors: readonly DoorRecord[],
): Promise<RequestNote[]> {
  const [{ keptAdminToken }, { portPids }] = await Promise.all([
    import('../../state/admin-token.ts'),
    import('../../process/port-holder.ts'),
  ]);
  const token = keptAdminToken(config.home);
  if (token === null) return [];
  const here = doors.flatMap(({ pid, admin = '' }) => {
    const [, host = '', port = ''] = OURS.exec(admin) ?? [];
    return portPids(Number(port)).includes(pid) ? [{ host: bare(host), port: Number(port) }] : [];
  });
  const found = await Promise.all(here.map((place) => ask(place, token, output.talk)));
  return found.flat().sort((a, b) => b.at - a.at);
}

function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

async function ask(
  place: { readonly host: string; readonly port: number },
  token: string,
  say: (line: string) => void,
): Promise<RequestNote[]> {
  const { askHealth } = await import('../../health/ask-health.ts');
  const headers = { authorization: `Bearer ${token}` };
  const how = { path: '/requests', headers, withinMs: WITHIN_MS, maxBodyBytes: MOST_BYTES };
  const answer = await askHealth({ ...place, ...how });
  if ('status' in answer && answer.status === 200) return parseNotes(answer.body);
  const why = 'status' in answer ? `it answered ${answer.status}` : answer.problem;
  say(`meowctl: the door's admin listener on port ${place.port} does not tell of requests: ${why}`);
  return [];
}

/** Those that are valid. */
export function parseNotes(text: string): RequestNote[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value.filter(isNote) : [];
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}

function isNote(value: unknown): value is RequestNote {
  if (!isObject(value)) return false;
  const texts = [value.id, value.method, value.path];
  const numbers = [value.at, value.status, value.durationMs];
  return (
    texts.every((text) => typeof text === 'string') &&
    numbers.every((number) => typeof number === 'number') &&
    [value.server, value.trouble].every((one) => one === null || typeof one === 'string') &&
    Array.isArray(value.tried) &&
    value.tried.every((id) => typeof id === 'string') &&
    Array.isArray(value.failures) &&
    value.failures.every(isFailure)
  );
}

function isFailure(value: unknown): value is FailedTry {
  return isObject(value) && typeof value.server === 'string' && typeof value.why === 'string';
}
