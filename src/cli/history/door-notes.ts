import { isObject } from '../../model/fields.ts';
import type { FailedTry, RequestNote } from '../../proxy/request-notes.ts';
import type { Context } from '../context/context.ts';
import { type DoorHere, doorsHere } from '../context/doors-here.ts';

const WITHIN_MS = 2_000;
const MOST_BYTES = 8 * 1_024 * 1_024;

/**
 * What the doors of this state folder remember of requests that had trouble, newest first. Each is
 * asked at its admin listener, with the token of the folder.
 */
export async function notesOfDoors(context: Context): Promise<RequestNote[]> {
  const { config, output } = context;
  const { keptAdminToken } = await import('../../state/admin-token.ts');
  const token = keptAdminToken(config.home);
  if (token === null) return [];
  const doors = await doorsHere(context);
  const found = await Promise.all(doors.map((door) => ask(door, token, output.talk)));
  return found.flat().sort((a, b) => b.at - a.at);
}

async function ask(
  { host, port, pid }: DoorHere,
  token: string,
  say: (line: string) => void,
): Promise<RequestNote[]> {
  const { askHealth } = await import('../../health/ask-health.ts');
  const headers = { authorization: `Bearer ${token}` };
  const how = { path: '/requests', headers, withinMs: WITHIN_MS, maxBodyBytes: MOST_BYTES };
  const answer = await askHealth({ host, port, ...how });
  if ('status' in answer && answer.status === 200) return parseNotes(answer.body);
  const what = 'status' in answer ? `answered ${answer.status}` : inWords(answer.problem);
  const door = `the door here (pid ${pid}, admin listener on port ${port})`;
  say(`meowctl: ${door} ${what}: what it remembers of requests is missing`);
  return [];
}

function inWords(problem: 'silent' | 'broken'): string {
  if (problem === 'silent') return `hangs, or is stopped: no answer within ${WITHIN_MS / 1_000} s`;
  return 'broke off its answer';
}

/** The notes in the text that are valid. */
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
