import type { Socket } from 'node:net';
import { OpenElsewhere } from '../../metrics/figures-delta.ts';
import type { WorkerUsage, WorkerView } from '../../metrics/workers-view.ts';
import type { Report, SeenServer, WorkerProcess } from './messages.ts';

/** A connection on its way to a worker. */
interface Handed {
  readonly socket: Socket;
  readonly number: number;
  readonly sinceMs: number;
}

/** One worker, as the primary knows it. */
export class WorkerHandle {
  readonly slot: number;
  readonly process: WorkerProcess;
  readonly isTrial: boolean;
  readonly sinceMs = performance.now();
  state: WorkerView['state'] = 'starting';
  /** The last view that it has taken in; 0 before the first. */
  seq = 0;
  servers: ReadonlyMap<string, SeenServer> = new Map();
  usage: WorkerUsage = { cpuMs: 0, rss: 0, heap: 0, files: null };
  handed: Handed | null = null;
  /** Why it does not want to be one; else null. */
  refusal: string | null = null;
  /** For how many looks it has said nothing. */
  silent = 0;
  readonly open = new OpenElsewhere();
  /** Servers that broke off under its requests since it told how it finds them. */
  readonly broken = new Set<string>();
  #connections = 0;
  /** Handed over since it told how many it has. */
  #more = 0;
  #numbers = 0;

  /** @param isTrial it is to take another's place, which stays until this one serves */
  constructor(slot: number, process: WorkerProcess, isTrial = false) {
    this.slot = slot;
    this.process = process;
    this.isTrial = isTrial;
  }

  get connections(): number {
    return this.#connections + this.#more;
  }

  hand(socket: Socket): void {
    this.#more += 1;
    this.#numbers += 1;
    this.handed = { socket, number: this.#numbers, sinceMs: performance.now() };
    this.process.send({ do: 'take', number: this.#numbers }, socket);
  }

  /** It has what was on its way. @returns the connection */
  took(number: number): Socket | null {
    const { handed } = this;
    if (handed?.number !== number) return null;
    this.handed = null;
    return handed.socket;
  }

  told({ seq, servers, connections, usage, figures }: Report): void {
    this.seq = seq;
    this.silent = 0;
    this.broken.clear();
    if (servers) this.servers = new Map(servers.map((server) => [server.id, server]));
    this.#connections = connections;
    this.#more = this.handed ? 1 : 0;
    this.usage = usage;
    if (figures) this.open.add(figures);
  }
}
