import { isIP } from 'node:net';
import { askHealth } from '../health/ask-health.ts';
import { MAX_HEALTH_BYTES } from '../health/endpoint.ts';
import { viaName } from '../ids.ts';
import {
  createAllow,
  createDenial,
  type OwnAddress,
  parseNetwork,
} from '../proxy/upstream/address-policy.ts';
import { reason } from '../text.ts';
import type { EngineOptions } from './config/engine-options.ts';
import type { Member } from './rotation.ts';

export interface VerifyOptions {
  readonly doorId: string;
  readonly probeTimeoutMs: number;
}

const OK = 200;

/**
 * Asks whoever is at a server's address who it is, before it gets the first request. HAProxy asks the
 * same from then on.
 * @returns why it gets none; null where it says the right id, and that it is well
 */
export async function doubtOf(
  { host, port, page, id }: Member,
  { doorId, probeTimeoutMs }: VerifyOptions,
): Promise<string | null> {
  const answer = await askHealth({
    ...{ host, port, path: page },
    headers: { via: `1.1 ${viaName(doorId)}` },
    withinMs: probeTimeoutMs,
    maxBodyBytes: MAX_HEALTH_BYTES,
  });
  if (!('status' in answer)) return reason(answer.error);
  if (!answer.body.includes(`"id":"${id}"`)) return 'its health check was answered without its id';
  return answer.status === OK ? null : `its health check answered ${answer.status}`;
}

/** Why no request may ever go to an address: not allowed, the door's own, or one that HAProxy has to look up. */
export function createEngineDenial(
  options: Pick<EngineOptions, 'allowBackends' | 'host' | 'port'>,
  others: readonly OwnAddress[],
): (host: string, port: number) => string | null {
  const deny = createDenial(createAllow(options.allowBackends), options, others);
  return (host, port) => {
    const denial = deny(host, port);
    if (denial !== null || isIP(host) !== 0) return denial;
    return `${host} is a name: behind HAProxy a server's MEOW_ADVERTISE has to be an address`;
  };
}

/** Whether HAProxy can compare addresses with it: it looks up no names for that. */
export function isNetwork(entry: string): boolean {
  return parseNetwork(entry) !== null;
}
