import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

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
  /** Each packet comes so much later from now on, either way. @returns what does it, and what ends it */
  slow(ms: number): Promise<SlowLine>;
}

export interface SlowLine {
  readonly by: 'netem' | 'a relay';
  end(): void;
}

const SLOW_LINE = join(import.meta.dirname, '../fixtures/slow-line.py');
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
      return {
        pull: () => link('down'),
        plugIn: () => link('up'),
        slow: async (ms) => byKernel(machine, ms) ?? (await byRelay(pid, plug, ms)),
      };
    },
    async close() {
      if (holder.exitCode !== null || holder.signalCode !== null) return;
      holder.stdin.end();
      await once(holder, 'exit');
    },
  };
}

/** Null where the kernel has no netem. */
function byKernel(machine: number, ms: number): SlowLine | null {
  const said = runIn(machine, `tc qdisc add dev eth0 root netem delay ${ms}ms 2>&1 || true`);
  if (said !== '') return null;
  return { by: 'netem', end: () => void runIn(machine, 'tc qdisc del dev eth0 root') };
}

/** A program stands between the plug and the switch. */
async function byRelay(pid: number, plug: string, ms: number): Promise<SlowLine> {
  const [far, near] = [`${plug}-far`, `${plug}-near`];
  runIn(pid, `ip link add ${far} type veth peer name ${near} && ip link set ${far} up`);
  runIn(pid, `ip link set ${near} master switch up && ip link set ${plug} nomaster`);
  const inside = ['-t', String(pid), '-n', 'python3', SLOW_LINE, plug, far, String(ms / 1_000)];
  const relay = spawn('nsenter', inside, { stdio: 'pipe' });
  await isOn(relay);
  return {
    by: 'a relay',
    end() {
      relay.kill('SIGKILL');
      runIn(pid, `ip link del ${far} && ip link set ${plug} master switch`);
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
    throw new Error('it could not be made');
  });
  failed.catch(() => {}); // later it ends when it is told to
  if (holder.stdout) await Promise.race([once(holder.stdout, 'data'), failed]);
}
