import type { ChildProcess } from 'node:child_process';
import { finish, type Result, type Site } from '../helpers/cli.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';

/** A running `meowctl proxy`. */
export interface Door {
  readonly port: number;
  readonly url: string;
  readonly child: ChildProcess;
  /** How it ended. */
  readonly ended: Promise<Result>;
  /** kill -9, waited for. */
  kill(): Promise<void>;
  alive(): boolean;
}

export interface DoorOptions {
  readonly port?: number;
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a door; it listens when this returns. */
export async function openDoor(site: Site, options: DoorOptions = {}): Promise<Door> {
  const port = options.port ?? (await freePort());
  const flags = ['proxy', '--port', String(port), '--no-admin', ...(options.flags ?? [])];
  const child = site.start(flags, options.env ? { env: options.env } : {});
  const ended = finish(child);
  const url = `http://127.0.0.1:${port}`;
  await until('the door answers', () =>
    fetch(url).then(
      () => true,
      () => false,
    ),
  );
  return {
    port,
    url,
    child,
    ended,
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
    alive: () => child.exitCode === null && child.signalCode === null,
  };
}
