import { setTimeout as pause } from 'node:timers/promises';
import { defaults } from '../../defaults.ts';
import { checkCertificates } from '../../doctor/certificates.ts';
import { bad, type Check, failed, warn, within } from '../../doctor/check.ts';
import { checkFleet } from '../../doctor/fleet.ts';
import { checkMachine, readMachineFacts } from '../../doctor/machine.ts';
import { checkPorts } from '../../doctor/ports.ts';
import { checkRedis } from '../../doctor/redis.ts';
import { checkStateFolder } from '../../doctor/state-folder.ts';
import { checkUps } from '../../doctor/ups.ts';
import { toMeowError } from '../../errors.ts';
import { readRun } from '../../local-redis/files.ts';
import { machineAsItIs } from '../../process/identity.ts';
import { fleetName } from '../../process/our-process.ts';
import { portHolders } from '../../process/port-holder.ts';
import { type Scanned, scanAll } from '../../process/scan-processes.ts';
import type { Context, OpenStore } from '../context/context.ts';
import { redisesOf } from '../context/fleet-here.ts';

/** Whatever hangs, an answer comes. */
const LIMIT_MS = 10_000;
/** Between two looks: whoever is about to register or to leave has done so. */
const BEAT_MS = defaults.beatMs * (1 + defaults.beatJitter) + 500;

/** Looks at all that a fleet here needs. Changes nothing, and signals nobody. */
export async function lookAtAll(context: Context): Promise<readonly Check[]> {
  const { home } = context.config;
  const machine = machineAsItIs(home);
  const processes = scanAll(machine);
  const [folder, ports, redis] = await Promise.all([
    one('state-folder', () => checkStateFolder(home)),
    one('ports', () => lookAtPorts(home, processes)),
    within('redis', LIMIT_MS, () => lookAtRedis(context)),
  ]);
  const redises = await redisesOf(context.config);
  const ups = processes.filter(({ kind }) => kind === 'up');
  return [
    ...checkMachine(readMachineFacts()),
    ...folder,
    ...ports,
    checkUps(ups, home, context.config.namespace, redises),
    ...redis,
  ];
}

/** A look that the system refuses says so, and the others go on. */
async function one(check: string, look: () => Check[]): Promise<readonly Check[]> {
  try {
    return look();
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).code !== 'string') throw error;
    const { message } = error as Error;
    return [bad(check, message, 'Check the rights of this user')];
  }
}

function lookAtPorts(home: string, processes: readonly Scanned[]): Check[] {
  const ours = new Set(processes.filter((each) => each.home === home).map(({ pid }) => pid));
  const redis = readRun(home)?.pid;
  if (redis !== undefined) ours.add(redis);
  const { doorPort: door, adminPort: admin, firstServerPort: firstServer } = defaults;
  const ports = { door, admin, firstServer, localRedis: defaults.localRedisPort };
  return checkPorts(ports, portHolders(), (pid) => ours.has(pid));
}

async function lookAtRedis(context: Context): Promise<readonly Check[]> {
  try {
    return await context.withStore((open) => lookAtStore(context, open));
  } catch (error) {
    const known = toMeowError(error);
    return [
      failed('redis', known),
      warn('fleet', 'not looked at: Redis has to tell', known.remedy),
    ];
  }
}

async function lookAtStore(context: Context, open: OpenStore): Promise<readonly Check[]> {
  const { store } = open;
  const examination = await store.examine();
  const { refusal } = await store.registry.silence();
  const redis = checkRedis(store.label, examination, refusal);
  const first = await lookAtFleet(context, open);
  if (first.every(({ ok }) => ok !== false)) return [...redis, ...first];
  await pause(BEAT_MS);
  return [...redis, ...(await lookAtFleet(context, open))];
}

async function lookAtFleet(
  { config, version }: Context,
  { store, url }: OpenStore,
): Promise<readonly Check[]> {
  try {
    const fleet = await store.registry.fleet();
    const machine = machineAsItIs(config.home);
    const redises = await redisesOf(config);
    const names = new Set([...redises, fleetName(url, config.namespace).redis]);
    const running = scanAll(machine).filter(
      ({ home, namespace, redis }) =>
        home === config.home && namespace === config.namespace && names.has(redis),
    );
    const checks = checkFleet({ fleet, machine, running, version, limits: defaults });
    return [...checks, ...checkCertificates(fleet.doors, Date.now())];
  } catch (error) {
    return [failed('fleet', toMeowError(error))];
  }
}
