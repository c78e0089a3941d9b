import { type Check, warn, well } from './check.ts';

/** Who has a port: null for nobody, otherwise a process as far as it can be told. */
export type HolderOf = (port: number) => Holder | null;

interface Holder {
  /** Null where the system does not tell whose it is. */
  readonly pid: number | null;
  readonly name: string;
}

interface PortNeeds {
  readonly door: number;
  readonly admin: number;
  readonly firstServer: number;
  readonly localRedis: number;
}

const FIRST_SERVERS = 10;

/**
 * The ports that meowctl takes where nothing else is said.
 * @param isOurs whether a process is one of this state folder
 */
export function checkPorts(
  ports: PortNeeds,
  holderOf: HolderOf,
  isOurs: (pid: number) => boolean,
): Check[] {
  const one = (check: string, port: number, remedy: string): Check => {
    const holder = holderOf(port);
    if (!holder) return well(check, `port ${port} is free`);
    if (holder.pid !== null && isOurs(holder.pid)) {
      return well(check, `port ${port} is ours (pid ${holder.pid})`);
    }
    return warn(check, `port ${port} is in use by ${inWords(holder)}`, remedy);
  };
  return [
    one('port-door', ports.door, 'Open the door elsewhere: `meowctl up --port 8080`'),
    one('port-admin', ports.admin, 'Use another: `meowctl up --admin-port 3901`, or --no-admin'),
    serverPorts(ports.firstServer, holderOf, isOurs),
    redisPort(ports.localRedis, holderOf),
  ];
}

function redisPort(port: number, holderOf: HolderOf): Check {
  const holder = holderOf(port);
  const says = holder
    ? `is in use by ${inWords(holder)}: a local Redis, or it takes the next`
    : 'is free';
  return well('port-redis', `port ${port} ${says}`);
}

/** Servers take the next free one: it is good to know why theirs do not begin at the first. */
function serverPorts(first: number, holderOf: HolderOf, isOurs: (pid: number) => boolean): Check {
  const all = Array.from({ length: FIRST_SERVERS }, (_, at) => first + at);
  const held = all.flatMap((port) => {
    const holder = holderOf(port);
    const ours = holder?.pid != null && isOurs(holder.pid);
    return holder && !ours ? [`${port} ${inWords(holder)}`] : [];
  });
  const range = `ports ${first} to ${first + FIRST_SERVERS - 1}`;
  if (held.length === 0) return well('port-servers', `${range}: free or ours`);
  return well('port-servers', `${range}: passed over are ${held.join(', ')}`);
}

function inWords({ pid, name }: Holder): string {
  return pid === null ? 'a process of another user' : `${name} (pid ${pid})`;
}
