import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaults } from '../../src/defaults.ts';
import type { EngineOptions } from '../../src/engine/config/engine-options.ts';
import { createEngineDoor, type EngineDoor } from '../../src/engine/engine-door.ts';
import { type EngineFiles, engineFiles } from '../../src/engine/engine-files.ts';
import type { EngineDeps } from '../../src/engine/engine-parts.ts';
import { endOrphans } from '../../src/engine/orphans.ts';
import { findHaproxy } from '../../src/engine/program.ts';
import { RuntimeSocket } from '../../src/engine/runtime/runtime-socket.ts';
import { parseInfo } from '../../src/engine/runtime/stat-rows.ts';
import { engineDefaults } from '../../src/engine-defaults.ts';
import { identify, thisMachine } from '../../src/process/identity.ts';
import { LOOPBACK } from '../../src/proxy/options.ts';
import { type Fleet, PATIENT } from './door-fleet.ts';
import { withHaproxy } from './haproxy.ts';
import { freePort } from './redis.ts';
import { until } from './until.ts';

/** Doors on HAProxy, one after the other, of one state folder and on one port. */
export interface EngineSite {
  readonly home: string;
  readonly port: number;
  readonly files: EngineFiles;
  /** What controllers said. */
  readonly said: string[];
  create(over?: Partial<EngineOptions>, deps?: Partial<EngineDeps>): Promise<EngineDoor>;
  /** The same, opened. */
  open(over?: Partial<EngineOptions>): Promise<EngineDoor>;
  /** Another process claims the HAProxy of a door, and dies: nobody looks after it. */
  abandon(door: EngineDoor): Promise<void>;
  master(): number;
  worker(): Promise<number>;
  close(): Promise<void>;
}

export const FLEET = { namespace: 'meow', redis: null };

/** @param name of the state folder */
export async function openEngineSite(fleet: Fleet, name = 'home'): Promise<EngineSite> {
  const folder = mkdtempSync(join(tmpdir(), 'meow-test-engine-'));
  const home = join(folder, name);
  const env = { PATH: withHaproxy(), MEOW_HOME: home };
  const port = await freePort();
  mkdirSync(home);
  const files = engineFiles(home, '127.0.0.1', port);
  const said: string[] = [];
  const doors = new Set<EngineDoor>();
  const create: EngineSite['create'] = async (over = {}, deps = {}) => {
    const door = await createEngineDoor(
      {
        ...{
          home,
          env,
          machine: thisMachine(home),
          registry: fleet.store.registry,
          pictures: fleet.store.images,
          onAnswer: null,
          alsoOurs: [],
          older: null,
        },
        program: findHaproxy(env, engineDefaults.leastHaproxy),
        ...{
          fleet: FLEET,
          stickyKey: null,
          isOurFleet: ({ namespace }) => namespace === FLEET.namespace,
        },
        log: (line) => said.push(line),
        ...deps,
      },
      {
        ...{ ...defaults, ...engineDefaults, host: '127.0.0.1', port, threads: 1, drainMs: 10_000 },
        ...{ balance: 'round-robin', retry: 'idempotent', allowBackends: LOOPBACK, trustProxy: [] },
        ...{
          certificates: [],
          redirectPort: null,
          hstsSeconds: null,
          sticky: false,
          accessLog: false,
          ...PATIENT,
          ...over,
        },
      },
    );
    doors.add(door);
    return door;
  };
  const master = () => JSON.parse(readFileSync(files.note, 'utf8')).pid as number;
  return {
    ...{ home, port, files, said, create, master },
    async open(over) {
      const door = await create(over);
      await door.open();
      return door;
    },
    async abandon(door) {
      const other = spawn(process.execPath, [
        '-e',
        'setInterval(() => {}, 1e6)',
        'meowctl',
        'proxy',
      ]);
      const pid = other.pid ?? 0;
      await until('it runs', () => identify(pid)?.commandLine.includes('proxy'));
      const pidStart = identify(pid)?.start;
      writeFileSync(files.controller, JSON.stringify({ pid, pidStart, ...FLEET }));
      await door.replaced;
      other.kill('SIGKILL');
      // In this turn: the door may not see it, and take HAProxy back, before it is told to close.
      while (identify(pid) !== null) {}
      await door.close(0);
      doors.delete(door);
    },
    async worker() {
      const runtime = await RuntimeSocket.open(files.socket, defaults.probeTimeoutMs * 60);
      const { Pid } = parseInfo(await runtime.ask('show info'));
      runtime.close();
      return Number(Pid);
    },
    async close() {
      for (const door of doors) await door.close(0);
      await endOrphans(home, () => true, defaults.termGraceMs);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Waits until a door on HAProxy sends requests to a server. */
export async function used(door: EngineDoor, id: string): Promise<void> {
  const stateOf = () => door.servers().find((server) => server.id === id)?.state;
  await until(`${id} is used`, () => stateOf() === 'usable');
}
