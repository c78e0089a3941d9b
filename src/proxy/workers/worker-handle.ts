import { OpenElsewhere } from '../../metrics/figures-delta.ts';
import type { WorkerUsage, WorkerView } from '../../metrics/workers-view.ts';
import type { SocketHandle } from './held-socket.ts';
import type { Report, SeenServer, WorkerProcess } from './messages.ts';

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
  /** Up to how many connections it accepts; null while it does not. */
  accepts: number | null = null;
  /** Why it does not want to be one; else null. */
  refusal: string | null = null;
  /** For how many looks it has said nothing. */
  silent = 0;
  readonly open = new OpenElsewhere();
  /** Servers that broke off under its requests since it told how it finds them. */
  readonly broken = new Set<string>();
  connections = 0;

  /** @param isTrial it is to take another's place, which stays until this one serves */
  constructor(slot: number, process: WorkerProcess, isTrial = false) {
    this.slot = slot;
    this.process = process;
    this.isTrial = isTrial;
  }

  accept(most: number, socket: SocketHandle): void {
    this.process.send({ do: 'accept', most }, socket);
    // To one with no open files left Node delivers neither the socket nor its message, and nobody is told.
    this.acceptUpTo(most);
  }

  acceptUpTo(most: number): void {
    this.accepts = most;
    this.process.send({ do: 'upTo', most });
  }

  listens(): void {
    if (this.state === 'starting') this.state = 'serving';
  }

  rests(connections: number): void {
    this.accepts = null;
    this.connections = connections;
  }

  told({ seq, servers, connections, usage, figures }: Report): void {
    this.seq = seq;
    this.silent = 0;
    this.broken.clear();
    if (servers) this.servers = new Map(servers.map((server) => [server.id, server]));
    this.connections = connections;
    this.usage = usage;
    if (figures) this.open.add(figures);
  }
}
