import { existsSync } from 'node:fs';
import type { AppSpec } from '../../model/app-spec.ts';
import type { SignedServer } from '../../model/desired-server.ts';
import { placeOf } from '../../model/place.ts';
import type { ServerRecord } from '../../model/server-record.ts';
import {
  dropDesired,
  entryPath,
  markDesired,
  readDesired,
  removeDesired,
  writeDesired,
} from '../../state/desired-files.ts';
import { sign, type Unsigned } from '../../state/signature.ts';
import type { DesiredServers, Registry, Swap } from '../../store/store.ts';

export interface OwnDesiredServerDeps {
  readonly home: string;
  readonly namespace: string;
  readonly registry: Pick<Registry, 'id' | 'register'>;
  readonly desiredServers: Pick<DesiredServers, 'text' | 'succeed'>;
}

/** What its server was asked to be. */
export interface RequestedServer {
  readonly spec: AppSpec;
  readonly fixedPort: boolean;
  readonly listenHost: string;
  readonly advertise: string | null;
  readonly ofUp: boolean;
  /** The id of a server, gone by now, whose place it takes. */
  readonly replaces: string | null;
}

/**
 * That one server is wanted: signed by the server itself, which alone knows its port, and kept in
 * its host's state folder and in Redis.
 */
export class OwnDesiredServer {
  readonly #deps: OwnDesiredServerDeps;
  readonly #asked: RequestedServer;
  #desired: SignedServer | null = null;

  constructor(deps: OwnDesiredServerDeps, asked: RequestedServer) {
    this.#deps = deps;
    this.#asked = asked;
  }

  /**
   * Registers the server as wanted. In the folder first, as not yet registered: what Redis alone
   * has is never started.
   * @returns false when the server whose place it takes is not wanted any more
   * @throws FailedError where the folder cannot be written, StoreError
   */
  async register(record: ServerRecord): Promise<boolean> {
    const { home, namespace, registry } = this.#deps;
    const fleet = { registry: await registry.id(), namespace };
    const desired = sign(home, {
      ...toUnsigned(record, this.#asked, fleet),
      ...this.#restartsOf(fleet),
    });
    this.#desired = desired;
    writeDesired(home, desired, true);
    if (!(await this.#write(record, desired))) return false;
    writeDesired(home, desired);
    if (this.#asked.replaces !== null) dropDesired(home, this.#asked.replaces);
    return true;
  }

  /** What a beat writes back where Redis has lost it; null once it is not wanted here any more. */
  current(): SignedServer | null {
    const desired = this.#desired;
    if (!desired) return null;
    return existsSync(entryPath(this.#deps.home, desired, desired.id)) ? desired : null;
  }

  /** How often it was started again after its end. */
  restarts(): number {
    return this.#desired?.restarts ?? 0;
  }

  /**
   * Signs it for another registry, where Redis was emptied and has one.
   * @returns whether it did
   */
  follow(registry: string | null): boolean {
    const before = this.current();
    if (!before || registry === null || before.registry === registry) return false;
    const { seal: _, ...rest } = before;
    this.#desired = sign(this.#deps.home, { ...rest, registry });
    writeDesired(this.#deps.home, this.#desired);
    removeDesired(this.#deps.home, before);
    return true;
  }

  /** It was ordered to leave, or never got so far. */
  drop(): void {
    const desired = this.#desired;
    if (desired) dropDesired(this.#deps.home, desired.id);
  }

  /**
   * It leaves without an order, and stays wanted as `stopped`.
   * @returns how it stands in Redis, and how it shall
   */
  stop(): Swap | null {
    const before = this.current();
    if (!before || !readDesired(this.#deps.home, before, before.id)) return null;
    markDesired(this.#deps.home, before, 'stopped');
    return { before, after: { ...before, state: 'stopped' } };
  }

  #restartsOf(fleet: Pick<Unsigned, 'registry' | 'namespace'>): Pick<Unsigned, 'restarts'> {
    const { replaces } = this.#asked;
    if (replaces === null) return {};
    const before = readDesired(this.#deps.home, fleet, replaces);
    return { restarts: (before?.desired.restarts ?? 0) + 1 };
  }

  async #write(record: ServerRecord, desired: SignedServer): Promise<boolean> {
    const { registry, desiredServers } = this.#deps;
    const { replaces } = this.#asked;
    if (replaces === null) {
      await registry.register(record, desired);
      return true;
    }
    const text = await desiredServers.text(replaces);
    return text !== null && (await desiredServers.succeed({ id: replaces, text }, record, desired));
  }
}

function toUnsigned(
  record: ServerRecord,
  { replaces, ofUp, ...asked }: RequestedServer,
  fleet: Pick<Unsigned, 'registry' | 'namespace'>,
): Unsigned {
  const { id, app, hostId = '', pid, pidStart, port } = record;
  const process = { ...placeOf(record), pid, pidStart, port };
  const links = { ...(ofUp ? { ofUp } : {}), ...(replaces === null ? {} : { replaces }) };
  return { id, app, ...process, hostId, ...fleet, ...asked, ...links, state: 'wanted' };
}
