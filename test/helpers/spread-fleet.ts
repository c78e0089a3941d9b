import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Row } from '../../src/cli/output/rows.ts';
import { EVERY_HOST, type Going, type Host, type Hosts, hostIdOf, openHosts } from './hosts.ts';
import { until } from './until.ts';

const FIXTURES = join(import.meta.dirname, '..', 'fixtures');
export const FLEET_APP = join(FIXTURES, 'apps', 'names-its-fleet.mjs');
const DOOR_PORT = 3000;

/** A fleet over three machines: on two, which have one name, `up` with a door, on the third `keep`. */
export interface SpreadFleet {
  readonly hosts: Hosts;
  readonly one: Host;
  readonly two: Host;
  readonly three: Host;
  /** The two `up`s and the `keep`, by machine. */
  readonly going: readonly Going[];
  /** What the apps of this fleet are told. */
  readonly appFlags: readonly string[];
  /** Waits until these, or so many, are up and every door uses them. */
  used(count: number): Promise<Row[]>;
  on(host: Host, rows: readonly Row[]): Row[];
  /** Asks both doors, from a fourth machine. */
  ask(everyMs: number): Asking;
  /** The ids of the requests that ran, in order: POSTs alone. */
  ran(): string[];
  close(): Promise<void>;
}

/** How one request to a door ended. */
export interface Asked {
  readonly door: number;
  readonly method: 'GET' | 'POST';
  readonly id: string;
  readonly ms: number;
  /** 0 where no whole answer came. */
  readonly status: number;
  /** The id of the server that answered. */
  readonly by?: string;
  readonly text: string;
}

interface Asking {
  soFar(): readonly Asked[];
  /** Waits until all are answered. */
  stop(): Promise<readonly Asked[]>;
}

export async function openSpreadFleet(): Promise<SpreadFleet> {
  const hosts = await openHosts();
  const [one, two, three] = [
    await hosts.open('twin'),
    await hosts.open('twin'),
    await hosts.open('single'),
  ];
  const client = await hosts.open('client');
  const ran = join(client.home, 'ran');
  writeFileSync(ran, '');
  const appFlags = ['--app', FLEET_APP, '--env', 'FLEET=meow', '--env', `RAN=${ran}`];
  const door = ['--host', '0.0.0.0', '--allow-backends', EVERY_HOST, '--no-admin'];
  const up = ['up', '-n', '1', ...door, ...appFlags];
  const spawned = three.run(['spawn', '--ready-timeout', '120', ...appFlags]);
  const ups = [one.start(up), two.start(up)];
  const { code, stderr } = await spawned;
  if (code !== 0) throw new Error(stderr);
  const going = [...ups, three.start(['keep'])];
  const used = (count: number) => usedBy(hosts, ups.length, count);
  await used(3);
  return {
    ...{ hosts, one, two, three, going, appFlags, used },
    on: (host, rows) => rows.filter(({ hostId }) => hostId === hostIdOf(host)),
    ask: (everyMs) => ask(client, [one, two], everyMs),
    ran: () => readFileSync(ran, 'utf8').split('\n').slice(0, -1),
    close: hosts.close,
  };
}

function usedBy(hosts: Hosts, doors: number, count: number): Promise<Row[]> {
  return until(`${doors} doors use ${count} servers`, async () => {
    const rows = await hosts.list();
    const isUsed = (row: Row) =>
      row.state === 'up' && row.doors.join() === Array(doors).fill('usable').join();
    return rows.length === count && rows.every(isUsed) ? rows : null;
  });
}

function ask(client: Host, doors: readonly Host[], everyMs: number): Asking {
  const urls = doors.map(({ address }) => `http://${address}:${DOOR_PORT}/`);
  const script = join(FIXTURES, 'asks-doors.mjs');
  const child = client.exec([process.execPath, script, String(everyMs), ...urls]);
  const asked: Asked[] = [];
  let rest = '';
  child.stdout?.on('data', (piece: Buffer) => {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    asked.push(...lines.map((line) => JSON.parse(line) as Asked));
  });
  child.stderr?.pipe(process.stderr);
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return {
    soFar: () => asked,
    async stop() {
      child.stdin?.end();
      await ended;
      return asked;
    },
  };
}
