import { randomBytes } from 'node:crypto';
import { viaName } from '../ids.ts';
import type { Tally } from '../metrics/tally.ts';
import type { DoorContext } from './exchange/context.ts';
import type { PoisonAnswers } from './exchange/poison.ts';
import { RetryPolicy } from './exchange/retry-policy.ts';
import { StartQueue } from './exchange/start-queue.ts';
import type { ListenerDeps } from './listener.ts';
import type { DoorOptions } from './options.ts';
import { createAllow, createDenial } from './upstream/address-policy.ts';
import { createBalancer } from './upstream/balancer.ts';
import { ConnectionPool, type ServerEnd } from './upstream/connection.ts';
import { UpstreamPool } from './upstream/pool.ts';

/** What all requests of one listener share. */
export function createContext(
  deps: ListenerDeps,
  poison: PoisonAnswers,
  options: DoorOptions,
  onSuspect: () => void,
): DoorContext {
  const nowMs = () => performance.now();
  const deny = createDenial(createAllow(options.allowBackends), options, options.alsoOurs);
  const { figures, notes, onTurn } = deps;
  const name = viaName(deps.id);
  const openConnections = (url: string, { bytes }: Tally, server: ServerEnd) =>
    new ConnectionPool(url, { ...options, bytes, via: `1.1 ${name}` }, server);
  const pool = new UpstreamPool(
    { figures, openConnections, deny, onTurn, onSuspect, nowMs },
    options,
  );
  const salt = randomBytes(9).toString('base64url');
  let attempts = 0;
  return {
    options,
    name,
    pool,
    balancer: createBalancer(options.balance, options.maxInflight),
    retryPolicy: new RetryPolicy(options),
    poison: deps.shared?.poison ?? poison,
    starts: new StartQueue(pool, options, nowMs),
    shared: deps.shared?.state ?? null,
    figures: options.figures ? figures : null,
    notes,
    sticky: deps.sticky,
    onAnswer: deps.onAnswer,
    onUndelivered: deps.onUndelivered,
    onChange: deps.onChange,
    nowMs: performance.now(),
    closing: false,
    newAttempt() {
      attempts += 1;
      return salt + attempts.toString(36);
    },
  };
}
