import type { ServerRecord } from '../../model/records.ts';
import { quote } from '../../text.ts';

/** What a server that has started does, for people. */
export function servingLine({ id, url, worker, app }: ServerRecord): string {
  return worker ? `${id} runs ${quote(app)}` : `${id} serves ${url}`;
}
