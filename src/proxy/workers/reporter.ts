import { readdirSync } from 'node:fs';
import type { MergedFigures } from '../../metrics/door-figures.ts';
import { FiguresTold } from '../../metrics/figures-delta.ts';
import type { WorkerUsage } from '../../metrics/workers-view.ts';
import type { OwnListener } from '../listener.ts';
import type { RequestNote } from '../request-notes.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { Leader, Report, SeenServer } from './messages.ts';

export interface ReporterDeps {
  readonly leader: Leader;
  readonly figures: MergedFigures;
  readonly maxRequestNotes: number;
}

const USAGE_MS = 1_000;
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
  #soon: NodeJS.Immediate | null = null;
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
    this.#notes.push(note);
    this.soon();
  }

  /** When whatever is going on in this turn is done. */
  readonly soon = (): void => {
    this.#soon ??= setImmediate(() => this.tell());
  };

  tell(): void {
    if (this.#soon) clearImmediate(this.#soon);
    this.#soon = null;
    if (this.#listener) this.#deps.leader.send(this.#report(this.#listener));
  }

  #report({ pool, retryPolicy }: Pick<OwnListener, 'pool' | 'retryPolicy'>): Report {
    const notes = this.#notes;
    this.#notes = [];
    const requests = retryPolicy.requests - this.#requests;
    this.#requests = retryPolicy.requests;
    return {
      is: 'report',
      seq: this.#seq,
      servers: this.#changed(pool.all().map(seen)),
      connections: this.#deps.figures.snapshot().clients.open,
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
    const { rss, heapUsed: heap } = process.memoryUsage();
    const files = process.platform === 'linux' ? readdirSync('/proc/self/fd').length : null;
    this.#usage = { cpuMs: (user + system) / US_PER_MS, rss, heap, files };
    return this.#usage;
  }
}

function seen(upstream: Upstream): SeenServer {
  const { id, url, state, reason, inflight, queued, probeSoon } = upstream;
  return { id, url, state, reason, inflight, queued, probeSoon };
}
