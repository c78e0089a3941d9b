import { RequestLog } from '../../src/engine/requests/request-log.ts';
import type { Answered } from '../../src/proxy/exchange/context.ts';
import type { RequestNote } from '../../src/proxy/request-notes.ts';

interface Words {
  /** Counted up by HAProxy. */
  readonly at: number;
  readonly status: number;
  readonly end: string;
  readonly retries: string;
  readonly server: string;
  readonly attempt: string;
  readonly id: string;
  readonly method: string;
  readonly target: string;
}

const usual: Words = {
  ...{ at: 7, status: 200, end: '--', retries: '0', server: 'aaaaaa', id: 'mine-1' },
  ...{ attempt: 'ca6c34ca-8167-4516-a637-dda5dcc4e768', method: 'GET', target: '/' },
};

/** What HAProxy writes of a request that came in November 2026, 7 ms after its connection, and took 25 ms. */
export function line(over: Partial<Words>): string {
  const { at, status, end, retries, server, attempt, id, method, target } = { ...usual, ...over };
  const counted = `81 ${at} 1795980024606 0 7 25`;
  return `${counted} ${status} ${end} ${retries} ${server} ${attempt} ${id} ${method} ${target}`;
}

export interface Heard {
  readonly log: RequestLog;
  readonly notes: RequestNote[];
  readonly answers: Answered[];
  /** The tokens. */
  readonly undelivered: string[];
}

export function hearing(sinceMs: number): Heard {
  const notes: RequestNote[] = [];
  const answers: Answered[] = [];
  const undelivered: string[] = [];
  const log = new RequestLog(
    {
      notes: { add: (note) => notes.push(note) },
      onAnswer: (answered) => answers.push(answered),
      onUndelivered: (attempt) => undelivered.push(attempt),
    },
    sinceMs,
  );
  return { log, notes, answers, undelivered };
}
