import type { Host } from './hosts.ts';
import { FLEET_APP, type SpreadFleet } from './spread-fleet.ts';

/** A server of another fleet on the same Redis, at a port that one of ours has on its own machine. */
export interface Stranger {
  /** Gives it the address of a machine whose cable is out; nobody is told. */
  takeAddressOf(host: Host): void;
  /** Gives that back. */
  leave(): void;
  /** How many requests have reached it by its own count, which a heartbeat may be behind. */
  requests(): Promise<number>;
  turnOff(): Promise<void>;
}

const NAMESPACE = 'other';

export async function openStranger(fleet: SpreadFleet, port: number): Promise<Stranger> {
  const { hosts, one, two } = fleet;
  const host = await hosts.open('stranger', { MEOW_NAMESPACE: NAMESPACE });
  const app = ['--app', FLEET_APP, '--env', 'FLEET=other', '--env', 'RAN=/dev/null'];
  const flags = ['--ready-timeout', '120', '--port', String(port)];
  const { code, stderr } = await host.run(['spawn', ...flags, ...app]);
  if (code !== 0) throw new Error(stderr);
  let taken = '';
  const change = (what: 'add' | 'del') => {
    host.shell(`ip address ${what} ${taken}/24 dev eth0`);
    for (const door of [one, two]) door.shell('ip neighbour flush dev eth0');
  };
  return {
    takeAddressOf({ address }) {
      taken = address;
      change('add');
    },
    leave: () => change('del'),
    async requests() {
      const rows = await hosts.list(NAMESPACE);
      return rows.reduce((sum, row) => sum + (row.requests ?? 0), 0);
    },
    turnOff: host.turnOff,
  };
}
