import type { ServerRecord } from './records.ts';

/*
 * Doors older than `--no-http` send requests to whatever says `up`. So Redis holds the record of a
 * worker as `starting`, with a field that they do not know.
 */

export function toText(record: ServerRecord): string {
  const isHidden = record.worker !== undefined && record.state === 'up';
  return JSON.stringify(isHidden ? { ...record, state: 'starting' } : record);
}

/** The record as its server meant it. */
export function asMeant(record: ServerRecord): ServerRecord {
  const isHidden = record.worker !== undefined && record.state === 'starting';
  return isHidden ? { ...record, state: 'up' } : record;
}
