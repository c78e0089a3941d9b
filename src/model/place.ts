import type { ServerRecord } from './records.ts';

/** Where a server runs or is wanted, as its record and its intent say; 0.1.0 wrote no id and namespace. */
export interface Place {
  /** The random id of the state folder. */
  readonly hostId?: string;
  /** The machine's name, for people: it says nothing about who is who. */
  readonly host: string;
  readonly bootId: string;
  /** The namespace that pids count in. */
  readonly pidNs?: string;
}

export function placeOf({ hostId, host, bootId, pidNs }: Place): Place {
  return {
    ...(hostId === undefined ? {} : { hostId }),
    host,
    bootId,
    ...(pidNs === undefined ? {} : { pidNs }),
  };
}

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
