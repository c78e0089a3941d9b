import { getHeapStatistics } from 'node:v8';
import type { MergedFigures } from '../../metrics/door-figures.ts';
import { FiguresTold } from '../../metrics/figures-delta.ts';
import { openFiles, residentBytes } from '../../metrics/own-process.ts';
import type { WorkerUsage } from '../../metrics/workers-view.ts';
import type { OwnListener } from '../listener.ts';
import { type RequestNote, shortNote } from '../request-notes.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { Report, SeenServer, ToPrimary } from './messages.ts';

export interface ReporterDeps {
  readonly primary: ToPrimary;
  readonly figures: MergedFigures;
  readonly maxRequestNotes: number;
}

/** From one report to the next, while each request that fails has something to say. */
const LEAST_PAUSE_MS = 20;
const USAGE_MS = 1_000;
/** Where nothing happens it says so this often. */
const QUIET_MS = 1_000;
const US_PER_MS = 1_000;

/** What a worker tells of itself: what changed, and what it has counted, since it told last. */
export class Reporter {
  readonly #deps: ReporterDeps;
  readonly #told: FiguresTold;
  #listener: Pick<OwnListener, 'pool' | 'retryPolicy'> | null = null;
  #notes: RequestNote[] = [];
  #seq = 0;
  #servers = '';
  #requests = 0;
  #connections = 0;
  #toldMs = 0;
  #soon: NodeJS.Timeout | null = null;
  #usage: WorkerUsage = { cpuMs: 0, rss: 0, heap: 0, files: null };
  #usageMs = Number.NEGATIVE_INFINITY;

  constructor(deps: ReporterDeps) {
    this.#deps = deps;
    this.#told = new FiguresTold(deps.figures);
  }

  of(listener: Pick<OwnListener, 'pool' | 'retryPolicy'>): void {
    this.#listener = listener;
  }

  /** That view is taken in. */
  saw(seq: number): void {
    this.#seq = seq;
    this.tell();
  }

  add(note: RequestNote): void {
    if (this.#notes.length >= this.#deps.maxRequestNotes) this.#notes.shift();
    this.#notes.push(shortNote(note));
    this.soon();
  }

  /** When whatever is going on in this turn is done; together with what comes in the next few, if there was a report just now. */
  readonly soon = (): void => {
    const pauseMs = this.#toldMs + LEAST_PAUSE_MS - performance.now();
    this.#soon ??= setTimeout(() => this.tell(), Math.max(0, pauseMs));
  };

  /** At times: nothing, where there is nothing new. */
  look(): void {
    const isDue = performance.now() - this.#toldMs >= QUIET_MS;
    if (!this.#listener || (!isDue && !this.#hasNews(this.#listener))) return;
    this.tell();
  }

  tell(): void {
    this.#toldMs = performance.now();
    if (this.#soon) clearTimeout(this.#soon);
    this.#soon = null;
    if (this.#listener) this.#deps.primary.send(this.#report(this.#listener));
  }

  // Health checks count nothing that cannot wait.
  #hasNews({ pool, retryPolicy }: Pick<OwnListener, 'pool' | 'retryPolicy'>): boolean {
    const isBusy = pool.all().some(({ inflight }) => inflight > 0);
    const { open } = this.#deps.figures.clients;
    return isBusy || open !== this.#connections || retryPolicy.requests !== this.#requests;
  }

  #report({ pool, retryPolicy }: Pick<OwnListener, 'pool' | 'retryPolicy'>): Report {
    const notes = this.#notes;
    this.#notes = [];
    this.#connections = this.#deps.figures.clients.open;
    const requests = retryPolicy.requests - this.#requests;
    this.#requests = retryPolicy.requests;
    return {
      is: 'report',
      seq: this.#seq,
      servers: this.#changed(pool.all().map(seen)),
      connections: this.#connections,
      requests,
      figures: this.#told.next(),
      notes,
      usage: this.#usageNow(),
    };
  }

  #changed(servers: readonly SeenServer[]): readonly SeenServer[] | null {
    const text = JSON.stringify(servers);
    if (text === this.#servers) return null;
    this.#servers = text;
    return servers;
  }

  #usageNow(): WorkerUsage {
    const nowMs = performance.now();
    if (nowMs - this.#usageMs < USAGE_MS) return this.#usage;
    this.#usageMs = nowMs;
    const { user, system } = process.cpuUsage();
    const { used_heap_size: heap } = getHeapStatistics();
    const rss = residentBytes() ?? this.#usage.rss;
    const files = openFiles() ?? this.#usage.files;
    this.#usage = { cpuMs: (user + system) / US_PER_MS, rss, heap, files };
    return this.#usage;
  }
}

function seen(upstream: Upstream): SeenServer {
  const { id, url, state, reason, inflight, queued, probeSoon } = upstream;
  return { id, url, state, reason, inflight, queued, probeSoon };
}
