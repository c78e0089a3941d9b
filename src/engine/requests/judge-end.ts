import type { Answered } from '../../proxy/exchange/context.ts';
import { CLIENT_LEFT } from '../../proxy/exchange/report.ts';
import type { FailedTry } from '../../proxy/request-notes.ts';
import { noServers } from '../config/own-answers.ts';
import type { LoggedRequest } from './logged-request.ts';

/** How a request ended, in the words that the embedded door has for it. */
export interface Ending extends Pick<Answered, 'server' | 'status' | 'trouble'> {
  /** Whom it failed at; of those before the last one HAProxy tells only how many they were. */
  readonly failures: readonly FailedTry[];
  /** Its client has all of a server's answer. */
  readonly isDelivered: boolean;
}

const GONE = 499;
const UPGRADED = 101;
/** The answer has begun; the last of it is on its way to the client. */
const IN_ANSWER = 'DL';
const NO_SERVER = 503;
const UNTOLD: FailedTry = { server: 'a server', why: 'HAProxy does not tell which one, nor how' };

/** By both letters, or by the first alone. */
const TROUBLES: Readonly<Record<string, string>> = {
  C: CLIENT_LEFT,
  c: 'the client fell silent',
  SC: 'no connection',
  sC: 'no connection in time',
  SD: 'the server broke off its answer',
  S: 'the connection broke before an answer came',
  sQ: 'all servers had all the requests that they may have',
  sD: 'the server fell silent in its answer',
  s: 'no answer in time',
  PR: 'the request made no sense',
  P: 'the answer made no sense',
  D: 'the server was taken out',
  K: 'it was cut',
  R: 'HAProxy had no room for it',
  I: 'HAProxy failed',
};

/** What the letters mean: HAProxy's manual, 8.5. */
export function judgeEnd(logged: LoggedRequest): Ending {
  const { end, server, retries } = logged;
  const [whose = '-', phase = '-'] = end;
  const isWhole = whose === '-';
  const isItsAnswer = isWhole || (IN_ANSWER.includes(phase) && logged.status !== null);
  const served = isItsAnswer ? server : null;
  const trouble = troubleOf(logged, whose);
  const before = Array<FailedTry>(retries).fill(UNTOLD);
  const isItsFault = !isItsAnswer && server !== null && trouble !== null && 'SsP'.includes(whose);
  return {
    server: served,
    status: statusOf(logged, whose, isItsAnswer),
    trouble,
    failures: isItsFault ? [...before, { server, why: trouble }] : before,
    isDelivered: isWhole && served !== null,
  };
}

function troubleOf({ end, status }: LoggedRequest, whose: string): string | null {
  // However a WebSocket ends, it was one.
  if (status === UPGRADED) return null;
  if (whose === 'L') return status === NO_SERVER ? noServers.text : null;
  return TROUBLES[end] ?? TROUBLES[whose] ?? null;
}

// It writes 400 for an answer that nobody was there for any more.
function statusOf({ status }: LoggedRequest, whose: string, isItsAnswer: boolean): number {
  return status === null || (whose === 'C' && !isItsAnswer) ? GONE : status;
}
