import type { StatusRange } from '../model/health-page.ts';
import { askHealth } from './ask-health.ts';
import { HEALTH_AGENT } from './endpoint.ts';

/** The page of an app that says whether it is well. */
export interface HealthPage {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** Answers that mean it is. */
  readonly status: StatusRange;
}

/** What an app said to one request for its health. */
export interface Said {
  readonly host: string;
  /** Null where no answer came. */
  readonly status: number | null;
  /** Something came, and it was no HTTP. */
  readonly garbled: boolean;
}

/** What asking may cost. */
export interface AskLimits {
  readonly healthAskMs: number;
  readonly serverHeaderBytes: number;
}

/** An app that answers at all may do so with 404. */
export const BELOW_500: StatusRange = [100, 499];

export function isWell({ status }: Said, [from, to]: StatusRange): boolean {
  return status !== null && status >= from && status <= to;
}

/** Whether anything came back at all. */
export function isWord({ status, garbled }: Said): boolean {
  return status !== null || garbled;
}

/** A bad answer in words: `GET /up with 404, not 200-399`. */
export function answeredWith(path: string, status: number, accepted: StatusRange): string {
  const range = accepted === BELOW_500 || status >= 500 ? '' : `, not ${rangeInWords(accepted)}`;
  return `GET ${path} with ${status}${range}`;
}

/** `200-399`, `204`. */
function rangeInWords([from, to]: StatusRange): string {
  return from === to ? String(from) : `${from}-${to}`;
}

/** Asks on each of these addresses of this machine, and waits no longer than it may. */
export function askAll(
  port: number,
  path: string,
  hosts: readonly string[],
  limits: AskLimits,
  withinMs = Number.POSITIVE_INFINITY,
): Promise<Said[]> {
  return Promise.all(hosts.map((host) => ask({ host, port, path }, limits, withinMs)));
}

/** Never rejects. Waits `healthAskMs` at most. */
export async function ask(
  { host, port, path }: Pick<HealthPage, 'host' | 'port' | 'path'>,
  { healthAskMs, serverHeaderBytes }: AskLimits,
  withinMs = Number.POSITIVE_INFINITY,
): Promise<Said> {
  const answer = await askHealth({
    ...{ host, port, path },
    headers: { 'user-agent': HEALTH_AGENT },
    withinMs: Math.max(1, Math.min(withinMs, healthAskMs)),
    maxHeaderBytes: serverHeaderBytes,
    maxBodyBytes: 0,
  });
  if ('status' in answer) return { host, status: answer.status, garbled: false };
  const { code = '' } = answer.error as NodeJS.ErrnoException;
  return { host, status: null, garbled: code.startsWith('HPE_') };
}
