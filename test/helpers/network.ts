import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * A switch that machines are plugged into, in a network namespace that nothing leads out of: this
 * machine's own network is neither used nor changed. All of it is gone when its processes are. Takes
 * `needs.network`.
 */
export interface Network {
  /** Plugs a machine in, as `eth0` with this address. */
  connect(pid: number, address: string): Cable;
  close(): Promise<void>;
}

/** Between a machine and the switch. */
interface Cable {
  /** Nothing goes through either way, and nobody is told. */
  pull(): void;
  plugIn(): void;
}

const SWITCH = 'ip link add switch type bridge && ip link set switch up && echo on && read -r end';

export async function openNetwork(): Promise<Network> {
  const holder = spawn('unshare', ['-n', 'sh', '-c', SWITCH], { stdio: 'pipe' });
  await isOn(holder);
  const pid = holder.pid ?? 0;
  let plugs = 0;
  return {
    connect(machine, address) {
      const plug = `plug${++plugs}`;
      const link = (what: string) => runIn(pid, `ip link set ${plug} ${what}`);
      runIn(pid, `ip link add ${plug} type veth peer name eth0 netns ${machine}`);
      link('master switch up');
      runIn(machine, 'ip link set lo up');
      runIn(machine, `ip address add ${address}/24 dev eth0`);
      runIn(machine, 'ip link set eth0 up');
      return { pull: () => link('down'), plugIn: () => link('up') };
    },
    async close() {
      if (holder.exitCode !== null || holder.signalCode !== null) return;
      holder.stdin.end();
      await once(holder, 'exit');
    },
  };
}

/** Runs a line of shell in the network of a process. */
export function runIn(pid: number, line: string, input = ''): string {
  const inside = ['-t', String(pid), '-n', 'sh', '-c', line];
  return execFileSync('nsenter', inside, { input, encoding: 'utf8' });
}

async function isOn(holder: ChildProcess): Promise<void> {
  const failed = once(holder, 'exit').then(() => {
    throw new Error('no switch could be made');
  });
  failed.catch(() => {}); // later it ends when it is told to
  if (holder.stdout) await Promise.race([once(holder.stdout, 'data'), failed]);
}
