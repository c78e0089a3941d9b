import { StoreError } from '../errors.ts';
import { quote } from '../text.ts';
import type { Link } from './connection/connection.ts';
import type { Keys } from './keys.ts';

/**
 * How keys and fields in Redis are to be understood. What is only added leaves it as it is; it rises
 * when an older version would misread what is there: docs/operations.md, "Two versions side by side".
 */
const SCHEMA = 1;

export interface Schema {
  /** @throws StoreError where a newer version has changed what keys and fields mean */
  check(): Promise<void>;
  /** The same, and writes ours where none is said yet. */
  settle(): Promise<void>;
}

export function createSchema(link: Link, keys: Keys): Schema {
  const read = () => link.run((redis) => redis.get(keys.schema));
  return {
    async check() {
      refuseNewer(await read(), link.label, keys.schema);
    },
    async settle() {
      const found = await read();
      refuseNewer(found, link.label, keys.schema);
      if (found === null) await write(link, keys.schema);
    },
  };
}

// Redis may be full, or take no writes: a fleet without a number is one of the first schema.
async function write(link: Link, key: string): Promise<void> {
  try {
    await link.run((redis) => redis.set(key, SCHEMA, 'NX'));
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
  }
}

function refuseNewer(found: string | null, label: string, key: string): void {
  if (found === null || Number(found) === SCHEMA) return;
  if (/^[1-9]\d{0,5}$/.test(found)) {
    const message = `Redis at ${label} holds the fleet of a newer meowctl: schema ${found}, and this one knows ${SCHEMA}`;
    throw new StoreError(
      'refused',
      message,
      'Install that version here too, or set MEOW_NAMESPACE',
    );
  }
  const message = `key ${quote(key)} in Redis does not hold the number of a schema`;
  throw new StoreError('damaged', message, 'Remove that key');
}
