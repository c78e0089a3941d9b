import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { listFleet, type Row } from '../../src/cli/output/rows.ts';
import { BIN, finish, type Result } from './cli.ts';
import { enter, type Machine, openMachine } from './machine.ts';
import { openNetwork, runIn, type SlowLine } from './network.ts';
import { openStore } from './store.ts';
import { until } from './until.ts';

/** Machines on a network of their own, and a Redis on one more. */
export interface Hosts {
  /** Past all of meowctl, and past the network. */
  readonly raw: Redis;
  readonly redis: Host;
  open(name: string, env?: Env): Promise<Host>;
  list(namespace?: string): Promise<Row[]>;
  close(): Promise<void>;
}

/** One machine, with a state folder, a network card and an address of its own. */
export interface Host {
  readonly address: string;
  /** Its state folder. */
  readonly home: string;
  /** Runs a verb to its end. */
  run(args: readonly string[], env?: Env): Promise<Result>;
  /** Starts a verb that goes on. */
  start(args: readonly string[], env?: Env): Going;
  /** Starts any other program. */
  exec(command: readonly string[]): ChildProcess;
  pullCable(): void;
  plugIn(): void;
  /** Packets go by these rules of nft from now on: lines of `in` or `out`, a rule each. */
  filter(rules: Partial<Record<'input' | 'output', string>>): void;
  /** Packets go everywhere again. */
  unfilter(): void;
  /** Every packet to it and from it comes so much later from now on. */
  slow(ms: number): Promise<SlowLine>;
  /** Runs a line of shell in its network. */
  shell(line: string): void;
  turnOff(): Promise<void>;
}

export interface Going {
  readonly child: ChildProcess;
  /** What it has said so far. */
  said(): string;
  readonly ended: Promise<Result>;
}

type Env = Readonly<Record<string, string>>;

const NETWORK = '10.77.0';
export const EVERY_HOST = `${NETWORK}.0/24`;
const FIRST_ADDRESS = 11;
const REDIS_PORT = 6379;

export async function openHosts(): Promise<Hosts> {
  const folder = mkdtempSync(join(tmpdir(), 'meow-test-hosts-'));
  const network = await openNetwork();
  const machines: Machine[] = [];
  const socket = join(folder, 'redis.sock');
  const usual = {
    PATH: process.env.PATH ?? '',
    LANG: 'C.UTF-8',
    TMPDIR: tmpdir(),
    REDIS_URL: `redis://${NETWORK}.${FIRST_ADDRESS}:${REDIS_PORT}`,
    MEOW_LISTEN: '0.0.0.0',
  };
  const open = async (name: string, env: Env = {}) => {
    const at = machines.length;
    const home = join(folder, `${at}-${name}`);
    mkdirSync(home, { mode: 0o700 });
    const site = { home: folder, env: {} };
    const options = { bootId: randomUUID(), namespace: 'meow', ownNetwork: true };
    const machine = await openMachine(site, name, options);
    machines.push(machine);
    const address = `${NETWORK}.${FIRST_ADDRESS + at}`;
    const cable = network.connect(machine.pid, address);
    const own = { ...usual, HOME: home, MEOW_HOME: home, MEOW_ADVERTISE: address, ...env };
    const { pull: pullCable, plugIn, slow } = cable;
    return { ...hostOf(machine, address, own), pullCable, plugIn, slow };
  };
  const redis = await open('redis');
  startRedis(redis, socket);
  const raw = new Redis(socket, { retryStrategy: () => 50 });
  raw.on('error', () => {}); // it is still starting
  await until('Redis answers', () => raw.ping().catch(() => null));
  return {
    raw,
    redis,
    open,
    list: (namespace) => listOnce(`unix://${socket}`, namespace),
    async close() {
      raw.disconnect();
      for (const machine of machines) await machine.turnOff();
      await network.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function hostOf(
  machine: Machine,
  address: string,
  own: Env,
): Omit<Host, 'pullCable' | 'plugIn' | 'slow'> {
  const { pid } = machine;
  const home = own.HOME ?? '';
  const exec = (command: readonly string[], env: Env = {}) =>
    spawn('nsenter', [...enter(pid, true), ...command], {
      env: { ...own, ...env },
      cwd: home,
      stdio: 'pipe',
    });
  const start = (args: readonly string[], env?: Env) =>
    follow(exec([process.execPath, BIN, ...args], env));
  return {
    address,
    home,
    exec,
    start,
    run: (args, env) => start(args, env).ended,
    filter(rules) {
      const chains = Object.entries(rules).map(([way, lines]) => {
        return `chain ${way} { type filter hook ${way} priority 0\n${lines}\n}`;
      });
      runIn(pid, 'nft -f -', `flush ruleset\ntable inet cut {\n${chains.join('\n')}\n}\n`);
    },
    unfilter: () => void runIn(pid, 'nft flush ruleset'),
    shell: (line) => void runIn(pid, line),
    turnOff: machine.turnOff,
  };
}

function follow(child: ChildProcess): Going {
  let told = '';
  child.stderr?.on('data', (piece: Buffer) => {
    told += piece;
  });
  child.stdin?.end();
  return { child, said: () => told, ended: finish(child) };
}

// Over a socket in the file system as well, so that tests see it whatever happens to the network.
function startRedis(host: Host, socket: string): void {
  const everywhere = ['--bind', '0.0.0.0', '--protected-mode', 'no', '--unixsocket', socket];
  const options = ['--port', String(REDIS_PORT), '--save', '', '--dir', host.home];
  host.exec(['redis-server', ...options, ...everywhere]).stdout?.resume();
}

async function listOnce(url: string, namespace?: string): Promise<Row[]> {
  const store = await openStore(url, false, namespace);
  try {
    return JSON.parse(JSON.stringify(listFleet(await store.registry.fleet()))) as Row[];
  } finally {
    await store.close();
  }
}

/** The id of the host that a state folder is. */
export function hostIdOf({ home }: Host): string {
  const { id } = JSON.parse(readFileSync(join(home, 'host.json'), 'utf8')) as { id: string };
  return id;
}
