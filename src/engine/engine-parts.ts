import { createServer } from 'node:http';
import { httpsUrl, httpUrl } from '../address.ts';
import { createId } from '../ids.ts';
import { listen, OTHER_PORT, type Place } from '../listen.ts';
import type { DoorRecord } from '../model/door-record.ts';
import type { FleetName } from '../process/our-process.ts';
import { nameHolder } from '../process/port-holder.ts';
import { alsoInDebug } from '../proxy/access-log.ts';
import type { DoorDeps } from '../proxy/door.ts';
import { DoorEvents } from '../proxy/door-events.ts';
import { doorRecord } from '../proxy/door-record.ts';
import { UndeliveredPictures } from '../proxy/exchange/undelivered-pictures.ts';
import { Membership } from '../proxy/membership.ts';
import { RequestNotes } from '../proxy/request-notes.ts';
import type { OwnAddress } from '../proxy/upstream/address-policy.ts';
import { createClientSide } from './clients/client-side.ts';
import type { EngineOptions } from './config/engine-options.ts';
import { ConfigFiles } from './config-files.ts';
import { Controller } from './controller.ts';
import type { Claim, Claimant } from './controller-claim.ts';
import { EngineFigures } from './engine-figures.ts';
import type { EngineFiles } from './engine-files.ts';
import type { HaproxyProcess } from './haproxy-process.ts';
import type { HaproxyProgram } from './program.ts';
import { LogReader } from './requests/log-reader.ts';
import { RequestLog } from './requests/request-log.ts';
import { type Member, Rotation } from './rotation.ts';
import type { StatRow } from './runtime/stat-rows.ts';
import { ServerList } from './server-list.ts';
import { doubtOf } from './verify.ts';

type Given = 'registry' | 'pictures' | 'stickyKey' | 'onAnswer' | 'log';

export interface EngineDeps extends Pick<DoorDeps, Given> {
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

export type Parts = ReturnType<typeof createParts>;

export interface Held {
  readonly files: EngineFiles;
  readonly haproxy: HaproxyProcess;
  readonly claimed: Claim;
  deny(host: string, port: number): string | null;
}

/** What one door on HAProxy is made of. */
export function createParts(
  deps: EngineDeps,
  options: EngineOptions,
  { files, haproxy, claimed, deny }: Held,
) {
  const { registry, machine, log, fleet } = deps;
  const id = haproxy.running()?.id ?? createId();
  const list = new ServerList(options, files.pages);
  const rotation = new Rotation({
    deny,
    isOn: (member) => list.has(member) && list.isOn(member.id),
    onChange: () => controller.soon(),
  });
  const counted = new EngineFigures(options);
  const { figures } = counted;
  const events = new DoorEvents(id, registry.note);
  const clients = createClientSide(
    { registry, stickyKey: deps.stickyKey, folder: files.folder, log },
    options,
  );
  const place = placeOf(machine, options);
  const record = () =>
    doorRecord({
      ...{ id, ...place, servers: rotation.all(), poison: [], figures },
      certificates: clients.certificates(),
    });
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
  const writeOthers = (ids: readonly string[]) => clients.write(ids);
  const config = new ConfigFiles({ ...deps, files, options, doorId: id, writeOthers });
  const about = { id, ...fleet };
  const { notes, reader, undelivered } = createRequests(deps, options, files);
  const controller = new Controller(
    { ...heard, about, haproxy, list, rotation, config, clients, reader, log },
    options,
  );
  const parts = { id, rotation, membership, controller, clients, events, figures };
  return { ...parts, url: place.url, notes, undelivered };
}

/** Where it is, as its record says. */
function placeOf(
  { host, pid, admin }: EngineDeps['machine'],
  { host: address, port, certificates }: EngineOptions,
) {
  const urlAt = certificates.length > 0 ? httpsUrl : httpUrl;
  return { url: urlAt(address, port), host, pid, ...(admin === undefined ? {} : { admin }) };
}

/** What is made of the requests that HAProxy tells of. */
function createRequests(
  { pictures, onAnswer, log }: EngineDeps,
  options: EngineOptions,
  { socket }: EngineFiles,
) {
  const notes = new RequestNotes(options.maxRequestNotes);
  const undelivered = pictures && new UndeliveredPictures(pictures, options, log);
  const onUndelivered = (attempt: string) => undelivered?.tell(attempt);
  const told = new RequestLog({ notes, onAnswer: alsoInDebug(onAnswer), onUndelivered });
  const reader = new LogReader(socket, (line) => told.take(line), options);
  return { notes, undelivered, reader };
}

/** Who waits to hear that a server is used, or let go, hears it now. */
function settled(membership: Membership): void {
  membership.acknowledge();
  membership.look();
}

async function mustBeFree({ host, port, redirectPort }: EngineOptions): Promise<void> {
  await bindOnce({ host, port });
  if (redirectPort === null) return;
  try {
    await bindOnce({ host, port: redirectPort });
  } catch (error) {
    throw await nameHolder(error, redirectPort, 'Choose another with --redirect-http');
  }
}

async function bindOnce(place: Place): Promise<void> {
  const server = createServer();
  await listen(server, place, OTHER_PORT);
  await new Promise((resolve) => server.close(resolve));
}
