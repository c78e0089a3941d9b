import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './until.ts';

/** A real redis-server of one test file, on its own port and in its own folder. */
export interface TestRedis {
  readonly port: number;
  readonly url: string;
  readonly pid: number;
  /** Sends a signal to the redis-server; SIGKILL and SIGTERM also wait for its end. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /**
   * Starts it again on the same port, empty unless `appendonly` was given. Who waits for a line on an
   * outage kills it first: one that is over at once is not always told.
   */
  restart(args?: readonly string[]): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

// Below those that the kernel gives to outgoing connections: one of ten thousand would have it
// before it is listened on. Each test file begins somewhere else.
const PORTS = { first: 17_000, count: 15_000 };
let tried = Math.floor(Math.random() * PORTS.count);

/** A port nobody listens on at this moment, and nobody is given by chance. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = PORTS.first + (tried++ % PORTS.count);
    if (await canBeHad(port)) return port;
  }
}

function canBeHad(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/**
 * Starts a redis-server and waits until it answers PING. `args` go to its command line.
 * @param config lines of a file of its own, which it may write to
 */
export async function startRedis(
  args: readonly string[] = [],
  config: readonly string[] = [],
): Promise<TestRedis> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'meow-test-redis-'));
  const file = join(folder, 'redis.conf');
  writeFileSync(file, `${config.join('\n')}\n`);
  args = config.length === 0 ? args : [file, ...args];
  let running = await launch(port, folder, args);
  const end = async (signal: NodeJS.Signals) => {
    const gone = exited(running);
    running.kill(signal);
    await gone;
  };
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    get pid() {
      return running.pid ?? 0;
    },
    async kill(signal) {
      if (signal === 'SIGKILL' || signal === 'SIGTERM') await end(signal);
      else running.kill(signal);
    },
    async restart(again = args) {
      if (running.exitCode === null && running.signalCode === null) await end('SIGKILL');
      running = await launch(port, folder, again);
    },
    async stop() {
      if (running.exitCode === null && running.signalCode === null) await end('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function launch(port: number, folder: string, args: readonly string[]) {
  const fixed = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder];
  const [first, ...rest] = args;
  const file = first?.startsWith('--') === false ? [first] : []; // it comes before all else
  const more = file.length > 0 ? rest : args;
  const words = [...file, ...fixed, '--save', '', ...more];
  const child = spawn('redis-server', words, { stdio: 'ignore' });
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`redis-server on ${port} ended: ${code}`)));
  });
  failed.catch(() => {}); // later it ends when it is told to
  await Promise.race([failed, until('redis-server answers', () => answers(port))]);
  return child;
}

function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

// Any answer counts: with a password it is -NOAUTH.
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.once('data', () => socket.destroy());
    socket.once('data', () => resolve(true));
    socket.once('error', () => {});
    socket.once('close', () => resolve(false));
  });
}
