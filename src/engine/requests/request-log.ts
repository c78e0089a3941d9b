import type { Answered } from '../../proxy/exchange/context.ts';
import { CLIENT_LEFT } from '../../proxy/exchange/report.ts';
import { takesPicture } from '../../proxy/exchange/undelivered-pictures.ts';
import type { RequestNotes } from '../../proxy/request-notes.ts';
import { type Ending, judgeEnd } from './judge-end.ts';
import { type LoggedRequest, parseLogged } from './logged-request.ts';

export interface RequestLogDeps {
  readonly notes: Pick<RequestNotes, 'add'>;
  /** Whoever writes each request down; null for nobody. */
  readonly onAnswer: ((answered: Answered) => void) | null;
  /** A request for a picture whose client did not get it. */
  onUndelivered(attempt: string): void;
}

/** More than HAProxy keeps lines. */
const MOST_KEYS = 16_384;
const SERVER_ERROR = 500;
/** Asked, and not named. */
const SOMEBODY = '?';

/** What becomes of each line that HAProxy says of a request. One that is read again is told once. */
export class RequestLog {
  readonly #deps: RequestLogDeps;
  readonly #sinceMs: number;
  #keys = new Set<string>();
  #olderKeys = new Set<string>();

  /** @param sinceMs what was over before was written down by whoever looked after HAProxy then */
  constructor(deps: RequestLogDeps, sinceMs = Date.now()) {
    this.#deps = deps;
    this.#sinceMs = sinceMs;
  }

  /** Comes for any line, whatever is in it. */
  take(line: string): void {
    const logged = parseLogged(line);
    if (!logged || this.#isKnown(logged.key)) return;
    const ending = judgeEnd(logged);
    // A client that connects and says nothing has asked for nothing.
    if (logged.attempt === null && ending.trouble === CLIENT_LEFT) return;
    this.#tellUndelivered(logged, ending);
    this.#note(logged, ending);
    this.#writeDown(logged, ending);
  }

  #tellUndelivered({ method, path, server, attempt }: LoggedRequest, { isDelivered }: Ending) {
    if (server === null || attempt === null || isDelivered || !takesPicture(method, path)) return;
    this.#deps.onUndelivered(attempt);
  }

  #note(logged: LoggedRequest, ending: Ending): void {
    if (logged.attempt === null || !hadTrouble(ending)) return;
    const tried = logged.server === null ? [] : [logged.server];
    const { id } = logged;
    this.#deps.notes.add({ ...answered(logged, ending, tried), id, failures: ending.failures });
  }

  #writeDown(logged: LoggedRequest, ending: Ending): void {
    const { onAnswer } = this.#deps;
    if (onAnswer === null || logged.at + logged.durationMs < this.#sinceMs) return;
    const { server, retries } = logged;
    const before = Array<string>(retries).fill(SOMEBODY);
    onAnswer(answered(logged, ending, server === null ? before : [...before, server]));
  }

  #isKnown(key: string): boolean {
    if (this.#keys.has(key) || this.#olderKeys.has(key)) return true;
    if (this.#keys.size >= MOST_KEYS) [this.#olderKeys, this.#keys] = [this.#keys, new Set()];
    this.#keys.add(key);
    return false;
  }
}

function answered(
  { at, method, path, durationMs }: LoggedRequest,
  { server, status, trouble }: Ending,
  tried: readonly string[],
): Answered {
  return { at, method, path, server, status, durationMs, tried, trouble };
}

function hadTrouble({ failures, status, trouble }: Ending): boolean {
  if (failures.length > 0 || status >= SERVER_ERROR) return true;
  return trouble !== null && trouble !== CLIENT_LEFT;
}
