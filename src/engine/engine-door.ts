import { FailedError, inTurn } from '../errors.ts';
import type { FleetName } from '../process/our-process.ts';
import type { Door } from '../proxy/door.ts';
import { watchClaim } from './claim-watch.ts';
import type { EngineOptions } from './config/engine-options.ts';
import { type Claim, claim, claimedFor } from './controller-claim.ts';
import { engineFiles } from './engine-files.ts';
import { createParts, type EngineDeps, type Parts } from './engine-parts.ts';
import { HaproxyProcess } from './haproxy-process.ts';
import type { SeenMember } from './rotation.ts';
import { createEngineDenial } from './verify.ts';

/** A door whose requests go through HAProxy: this process only tells it where to. */
export interface EngineDoor extends Omit<Door, 'open' | 'started' | 'cut' | 'socket'> {
  /** @throws StoreError when the first read fails, FailedError when HAProxy cannot serve */
  open(): Promise<void>;
  /** Instead of `open`: whoever wants it may have it. */
  giveUp(): void;
  /** Resolves when another process has taken over: HAProxy is not ours any more, unless that one dies. */
  readonly replaced: Promise<void>;
  /** As `close`, but for a HAProxy that somebody else has, or takes back. */
  leave(deadlineMs: number): Promise<void>;
}

/**
 * @throws UsageError for options that make no sense; FailedError where another fleet, or an `up`, has
 *   that HAProxy, or who has it does not let it go
 */
export async function createEngineDoor(
  deps: EngineDeps,
  options: EngineOptions,
): Promise<EngineDoor> {
  const deny = createEngineDenial(options, deps.alsoOurs);
  const files = engineFiles(deps.home, options.host, options.port);
  const haproxy = new HaproxyProcess(deps.program.path, deps.env, files, options);
  mustBeOurFleet([claimedFor(files), haproxy.running()], deps, options);
  const { machine: self, fleet, older } = deps;
  const claiming = { self, fleet, older, home: deps.home, withinMs: options.engineTakeOverMs };
  const claimed = await claim(files, claiming);
  const parts = createParts(deps, options, { files, haproxy, claimed, deny });
  const { id, rotation, membership, controller, events, figures, notes, url } = parts;
  const watch = watchClaim(claimed, controller, options, deps.log);
  const { handOver, end } = endings(parts, claimed, watch);
  const close = (deadlineMs: number) => {
    listens = false;
    return end(deadlineMs);
  };
  let listens = false;
  return {
    id,
    servers: () => rotation.all().map(({ queued: _, ...seen }) => seen),
    listed: () => membership.servers(),
    redisAwaySince: () => events.redisAwaySince(),
    ...{ figures, requests: notes, poison: () => [], workers: () => null },
    ready: () => listens && rotation.all().some(isUsed),
    replaced: watch.replaced,
    async open() {
      await openInOrder(parts);
      listens = true;
      events.opened(url);
    },
    giveUp() {
      void watch.stop();
      claimed.release();
    },
    close,
    leave: (deadlineMs) =>
      claimed.isLent() ? inTurn([handOver, claimed.release]) : close(deadlineMs),
  };
}

/** To whoever looks after it from then on, or for good. */
function endings(parts: Parts, claimed: Claim, watch: ReturnType<typeof watchClaim>) {
  const { membership, controller, clients, events, undelivered, url } = parts;
  const handOver = () =>
    inTurn([
      () => watch.stop(),
      () => clients.stop(),
      () => membership.handOver(),
      () => controller.handOver(),
      () => undelivered?.stop(),
    ]);
  const end = async (deadlineMs: number) => {
    await watch.stop();
    // Whoever has claimed it may be dead by now: HAProxy serves on for the next one.
    if (watch.isAway() || !claimed.stands()) return await handOver();
    await clients.stop();
    events.closed(url);
    await inTurn([
      () => controller.close(deadlineMs),
      () => undelivered?.stop(),
      () => membership.stop(),
      claimed.release,
    ]);
  };
  return { handOver, end };
}

function isUsed({ state }: SeenMember): boolean {
  return state === 'usable' || state === 'doubtful';
}

// It is known to servers before a client can reach it.
async function openInOrder({ controller, membership, clients }: Parts): Promise<void> {
  await controller.adopt();
  try {
    await membership.start();
    await clients.start();
    await controller.open();
  } catch (error) {
    await inTurn([() => controller.giveUp(), () => clients.stop(), () => membership.stop()]);
    throw error;
  }
}

function mustBeOurFleet(
  found: readonly (FleetName | null)[],
  { isOurFleet }: EngineDeps,
  { port }: EngineOptions,
): void {
  const other = found.find((each) => each !== null && !isOurFleet(each));
  if (!other) return;
  const message = `the HAProxy on port ${port} is of another fleet (${inWords(other)})`;
  const remedy = 'End it with `meowctl down` as of that fleet, or choose another port with --port';
  throw new FailedError('port-in-use', message, remedy);
}

function inWords({ namespace, redis }: FleetName): string {
  return `namespace ${namespace}${redis === null ? '' : `, Redis ${redis}`}`;
}
