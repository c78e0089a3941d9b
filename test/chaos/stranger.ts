import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { World } from './world.ts';

/** Somebody else's web server, on the port of a server that died. */
export interface Stranger {
  readonly port: number;
  /** What it was asked for, health checks apart: one of those is how a door finds out. */
  asked(): readonly string[];
}

export async function strangerOn(port: number, world: World): Promise<Stranger> {
  const paths: string[] = [];
  const server = createServer((request, response) => {
    if (request.url !== '/healthz') paths.push(request.url ?? '');
    response.end('I am somebody else');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  world.atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port, asked: () => paths };
}

/** Somebody else's process, in a session of its own as a server would be. */
export function bystander(world: World): ChildProcess & { readonly pid: number } {
  const child = spawn('sleep', ['600'], { stdio: 'ignore', detached: true });
  world.atEnd(() => child.kill('SIGKILL'));
  return child as ChildProcess & { readonly pid: number };
}

/** Whether a signal has reached it. */
export function isUnharmed({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}
