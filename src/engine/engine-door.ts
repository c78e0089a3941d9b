import { createServer } from 'node:http';
import { httpUrl } from '../address.ts';
import { FailedError, inTurn } from '../errors.ts';
import { createId } from '../ids.ts';
import { listen, OTHER_PORT } from '../listen.ts';
import type { DoorRecord } from '../model/door-record.ts';
import type { FleetName } from '../process/our-process.ts';
import type { Door, DoorDeps } from '../proxy/door.ts';
import { DoorEvents } from '../proxy/door-events.ts';
import { doorRecord } from '../proxy/door-record.ts';
import { Membership } from '../proxy/membership.ts';
import { RequestNotes } from '../proxy/request-notes.ts';
import type { OwnAddress } from '../proxy/upstream/address-policy.ts';
import { watchClaim } from './claim-watch.ts';
import type { EngineOptions } from './config/engine-options.ts';
import { ConfigFiles } from './config-files.ts';
import { Controller } from './controller.ts';
import { type Claim, type Claimant, claim, claimedFor } from './controller-claim.ts';
import { EngineFigures } from './engine-figures.ts';
import { type EngineFiles, engineFiles } from './engine-files.ts';
import { HaproxyProcess } from './haproxy-process.ts';
import type { HaproxyProgram } from './program.ts';
import { type Member, Rotation, type SeenMember } from './rotation.ts';
import type { StatRow } from './runtime/stat-rows.ts';
import { ServerList } from './server-list.ts';
import { createEngineDenial, doubtOf } from './verify.ts';

export interface EngineDeps extends Pick<DoorDeps, 'registry' | 'log'> {
  readonly home: string;
  readonly program: HaproxyProgram;
  /** What HAProxy is started with. */
  readonly env: Readonly<Record<string, string>>;
  readonly machine: Pick<DoorRecord, 'host' | 'pid' | 'admin'> & Claimant;
  readonly alsoOurs: readonly OwnAddress[];
  readonly fleet: FleetName;
  /** Whether a HAProxy that names this fleet has our servers. */
  isOurFleet(named: FleetName): boolean;
  /** The pid of the `up` that hands over to this one; null for none. */
  readonly older: number | null;
}

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
  const claiming = { self, fleet, older, withinMs: options.engineTakeOverMs };
  const claimed = await claim(files, claiming);
  const parts = createParts(deps, options, { files, haproxy, claimed, deny });
  const { id, rotation, membership, controller, events, figures, url } = parts;
  const watch = watchClaim(claimed, controller, options, deps.log);
  const handOver = () =>
    inTurn([() => watch.stop(), () => membership.handOver(), () => controller.handOver()]);
  const close = async (deadlineMs: number) => {
    listens = false;
    await watch.stop();
    // Whoever has claimed it may be dead by now: HAProxy serves on for the next one.
    if (watch.isAway() || !claimed.stands()) return await handOver();
    events.closed(url);
    await inTurn([() => controller.close(deadlineMs), () => membership.stop(), claimed.release]);
  };
  const notes = new RequestNotes(options.maxRequestNotes);
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

function isUsed({ state }: SeenMember): boolean {
  return state === 'usable' || state === 'doubtful';
}

type Parts = ReturnType<typeof createParts>;

interface Held {
  readonly files: EngineFiles;
  readonly haproxy: HaproxyProcess;
  readonly claimed: Claim;
  deny(host: string, port: number): string | null;
}

function createParts(
  deps: EngineDeps,
  options: EngineOptions,
  { files, haproxy, claimed, deny }: Held,
) {
  const { registry, machine, log, fleet } = deps;
  const id = haproxy.running()?.id ?? createId();
  const list = new ServerList(options, files.pages);
  const rotation = new Rotation({
    deny,
    isOn: (server) => list.isOn(server),
    onChange: () => controller.soon(),
  });
  const counted = new EngineFigures(options);
  const { figures } = counted;
  const events = new DoorEvents(id, registry.note);
  const url = httpUrl(options.host, options.port);
  const { host, pid, admin } = machine;
  const place = { id, url, host, pid, ...(admin === undefined ? {} : { admin }) };
  const record = () =>
    doorRecord({ ...place, servers: rotation.all(), poison: [], certificates: [], figures });
  const around = { registry, pool: rotation, record, onRedis: events.redis, onTrouble: log };
  const membership = new Membership({ ...around, onRead() {} }, options);
  const asked = { ...options, doorId: id };
  const heard = {
    doubtOf: (member: Member) => doubtOf(member, asked),
    mustBeFree: () => mustBeFree(options),
    isOurs: () => claimed.stands(),
    onSettled: () => settled(membership),
    onBegun: (rows: readonly StatRow[]) => counted.begin(rows),
    onStats: (rows: readonly StatRow[]) => counted.take(rows),
    onTurn: (server: string, isIn: boolean, why: string) => events.turned(server, isIn, why),
  };
  const config = new ConfigFiles({ ...deps, files, options, doorId: id });
  const about = { id, ...fleet };
  const controller = new Controller(
    { ...heard, about, haproxy, list, rotation, config, log },
    options,
  );
  return { id, rotation, membership, controller, events, figures, url };
}

// It is known to servers before a client can reach it.
async function openInOrder({ controller, membership }: Parts): Promise<void> {
  await controller.adopt();
  try {
    await membership.start();
    await controller.open();
  } catch (error) {
    await inTurn([() => controller.giveUp(), () => membership.stop()]);
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

/** Who waits to hear that a server is used, or let go, hears it now. */
function settled(membership: Membership): void {
  membership.acknowledge();
  membership.look();
}

async function mustBeFree({ host, port }: EngineOptions): Promise<void> {
  const server = createServer();
  await listen(server, { host, port }, OTHER_PORT);
  await new Promise((resolve) => server.close(resolve));
}
