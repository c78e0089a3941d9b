import { FailedError } from '../errors.ts';
import { HEALTH_PATH } from '../health/endpoint.ts';
import { type EngineServer, serverLine } from './config/backend-config.ts';
import type { EngineOptions } from './config/engine-options.ts';
import { BACKEND } from './config/refusals.ts';
import type { RuntimeSocket } from './runtime/runtime-socket.ts';
import type { ServerState } from './runtime/stat-rows.ts';

interface Known {
  readonly host: string;
  readonly port: number;
  /** It may get requests. */
  on: boolean;
}

/** The servers that one HAProxy has, and how they are changed there, without a reload. */
export class ServerList {
  readonly #options: EngineOptions;
  readonly #pages: string;
  readonly #known = new Map<string, Known>();

  /** @param pages the map of health pages that HAProxy has read */
  constructor(options: EngineOptions, pages: string) {
    this.#options = options;
    this.#pages = pages;
  }

  isOn(id: string): boolean {
    return this.#known.get(id)?.on ?? false;
  }

  has({ id, host, port }: EngineServer): boolean {
    const known = this.#known.get(id);
    return known?.host === host && known.port === port;
  }

  ids(): string[] {
    return [...this.#known.keys()];
  }

  /** It has been started with these. */
  startedWith(servers: readonly EngineServer[]): void {
    this.#known.clear();
    for (const { id, host, port } of servers) this.#known.set(id, { host, port, on: true });
  }

  /** It runs, and says that it has these. */
  found(states: readonly ServerState[]): void {
    this.#known.clear();
    for (const { id, host, port, inMaintenance } of states)
      this.#known.set(id, { host, port, on: !inMaintenance });
  }

  /** Adds it, checks and all, and lets it have requests. */
  async bringIn(runtime: RuntimeSocket, server: EngineServer): Promise<void> {
    const { id, host, port } = server;
    const name = `${BACKEND}/${id}`;
    if (!this.#known.has(id)) {
      await this.#tellPage(runtime, server);
      const line = serverLine(server, this.#options);
      const said = await runtime.ask(`add server ${BACKEND}/${line}`);
      if (!said.includes('registered')) throw refused(`add server ${name}`, said);
      this.#known.set(id, { host, port, on: false });
      await quietly(runtime, `enable health ${name}`);
    }
    await quietly(runtime, `set server ${name} state ready`);
    this.#set(id, true);
  }

  /** No new request goes there from now on; what it has may finish, and idle connections are closed. */
  async takeOut(runtime: RuntimeSocket, id: string): Promise<void> {
    await quietly(runtime, `set server ${BACKEND}/${id} state maint`);
    this.#set(id, false);
  }

  /**
   * Takes one away that is out.
   * @returns false while it still has requests
   */
  async remove(runtime: RuntimeSocket, id: string): Promise<boolean> {
    const said = await runtime.ask(`del server ${BACKEND}/${id}`);
    const isGone = /deleted|No such server/.test(said);
    if (!isGone && !said.includes('connections'))
      throw refused(`del server ${BACKEND}/${id}`, said);
    if (isGone) this.#known.delete(id);
    return isGone;
  }

  async #tellPage(runtime: RuntimeSocket, { id, page }: EngineServer): Promise<void> {
    await runtime.ask(`del map ${this.#pages} ${id}`);
    if (page !== HEALTH_PATH) await quietly(runtime, `add map ${this.#pages} ${id} ${page}`);
  }

  #set(id: string, on: boolean): void {
    const known = this.#known.get(id);
    if (known) known.on = on;
  }
}

/** A command that says nothing where it worked. */
async function quietly(runtime: RuntimeSocket, command: string): Promise<void> {
  const said = await runtime.ask(command);
  if (said !== '') throw refused(command, said);
}

function refused(command: string, said: string): FailedError {
  const message = `HAProxy refused ${JSON.stringify(command)}: ${said || 'it said nothing'}`;
  return new FailedError('haproxy-refused', message, 'See its log');
}
