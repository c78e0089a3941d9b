import type { Server as HttpServer } from 'node:http';
import { Server as NetServer } from 'node:net';
import { httpUrl, reachable } from '../address.ts';
import { type AppHealth, watchApp } from '../health/app-health.ts';
import type { Identity } from '../health/endpoint.ts';
import { HEALTH_PATH, healthPathOf } from '../health/endpoint.ts';
import { checkItself } from '../health/self-check.ts';
import type { App } from '../hosting/app.ts';
import { listen, listenFrom } from '../listen.ts';
import { isWorker, nameOfApp } from '../model/app-spec.ts';
import { type EventKind, finishWithin } from '../model/event.ts';
import { readyWhy } from '../model/event-words.ts';
import type { ServerRecord } from '../model/server-record.ts';
import { quote } from '../text.ts';
import type { Connections } from './connections.ts';
import { type RetireDeps, retire, retireWorker } from './drain.ts';
import { createAppServer } from './http-server.ts';
import type { Ending, RunningServer, ServeDeps, ServeOptions } from './options.ts';
import { OwnFigures } from './own-figures.ts';
import { Registration } from './registration.ts';

const OTHER_PORT = 'Choose another with --port, or leave it out';

/** A worker gets no requests, so any port will do. */
const ANY_PORT = 0;

/** One server, from its first bind until it has left. */
export class FleetServer implements RunningServer {
  readonly ended: Promise<Ending>;
  readonly #deps: ServeDeps;
  readonly #options: ServeOptions;
  readonly #healthPath: string;
  readonly #app: App;
  readonly #server: HttpServer;
  readonly #connections: Connections;
  readonly #health: AppHealth | null;
  readonly #registration: Registration;
  readonly #figures: OwnFigures;
  readonly #killMs: number;
  readonly #startedAt = Date.now();
  readonly #cutting = new AbortController();
  #state: 'up' | 'draining' = 'up';
  #port = 0;
  #leaving: Promise<void> | null = null;
  #drained = false;
  #settle: (how: Ending) => void = () => {};

  constructor(deps: ServeDeps, options: ServeOptions) {
    const { log, createApp } = deps;
    const { id, spec, replaces, limits } = options;
    this.#deps = deps;
    this.#options = options;
    this.#healthPath = healthPathOf(spec);
    this.#killMs = spec.killMs ?? limits.termGraceMs;
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
    const identity = { id, port: () => this.#port, state: () => this.#stateOfHealth() };
    this.#app = createApp(identity);
    const { server, connections } = createAppServer(this.#app, identity, this.#healthPath, limits);
    this.#server = server;
    this.#connections = connections;
    const watched = {
      answers: () => this.#connections.answers(),
      onChange: () => this.#registration.soon(),
      log,
    };
    this.#health = watchApp(this.#app, watched, limits);
    this.#figures = new OwnFigures(this.#app, () => deps.ownDesired?.restarts() ?? 0);
    const registered = {
      ...{ ...deps, id, replaces },
      measure: () => this.#figures.measure(),
      record: () => this.record(),
      onBeat: () => this.#app.beat?.(),
      onOrder: (drainMs: number) => void this.retire(drainMs),
    };
    this.#registration = new Registration(registered, limits);
  }

  async start(): Promise<void> {
    const { id, spec, listenHost: host, fixedPort, firstPort, limits } = this.#options;
    const from = firstPort ?? (isWorker(spec) ? ANY_PORT : limits.firstServerPort);
    this.#port =
      fixedPort === null
        ? await listenFrom(this.#server, { host, port: from })
        : await listen(this.#server, { host, port: fixedPort }, OTHER_PORT);
    const here = reachable(host);
    await this.#app.start?.(this.#port, here);
    const ownPage = { host: here, port: this.#port, path: this.#healthPath };
    await checkItself(ownPage, id, limits.probeTimeoutMs);
    await this.#registration.register();
    this.#tellReady();
    this.#registration.start();
    this.#figures.start();
    this.#health?.start();
    void this.#app.died?.then((why) => this.#leaveDead(why));
  }

  async abandon(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    this.#registration.abandon();
    await this.#app.stop?.(this.#killMs);
  }

  record(): ServerRecord {
    const { id, machine, spec, version, folder } = this.#options;
    const program = this.#app.inner?.();
    const worker = this.#app.worker?.();
    return {
      id,
      url: this.#url(),
      ...machine,
      port: this.#port,
      app: nameOfApp(spec),
      version,
      ...{ state: this.#state, startedAt: this.#startedAt },
      requests: this.#connections.requests(),
      inflight: this.#connections.inflight(),
      provesId: true,
      ...(this.#healthPath === HEALTH_PATH ? {} : { health: this.#healthPath }),
      ...(this.#health?.why ? { failing: this.#health.why } : {}),
      ...(spec.killMs === undefined ? {} : { killMs: spec.killMs }),
      ...(folder ? { folder } : {}),
      ...(program ? { program } : {}),
      ...(worker ? { worker } : {}),
      ...this.#figures.said(),
    };
  }

  retire(drainMs: number, by?: string): Promise<void> {
    this.#leaving ??= this.#leave(drainMs, by);
    return this.#leaving;
  }

  cut(): void {
    this.#cutting.abort();
    if (this.#drained) void this.#app.stop?.(0);
  }

  #stateOfHealth(): ReturnType<Identity['state']> {
    return this.#state === 'up' && this.#health?.why ? 'failing' : this.#state;
  }

  #url(): string {
    const { advertise, listenHost } = this.#options;
    return httpUrl(advertise ?? reachable(listenHost), this.#port);
  }

  async #leave(drainMs: number, by?: string): Promise<void> {
    const beganMs = performance.now();
    this.#state = 'draining';
    if (by !== undefined) this.#note('ordered', finishWithin(drainMs), by);
    this.#health?.stop();
    const deps: RetireDeps = {
      connections: this.#connections,
      look: this.#registration.look,
      doorsLeft: () => this.#app.drain?.(),
      stopListening: () => this.#stopListening(),
      cut: this.#cutting.signal,
    };
    const { finish } = this.#app;
    const cut = await (finish
      ? retireWorker(deps, finish, drainMs)
      : retire(deps, drainMs, this.#options.limits));
    this.#drained = true;
    this.#note('drained', inAll(performance.now() - beganMs, cut));
    const killed = await this.#stopApp();
    await this.#registration.end('left', killed, killedAfter(killed));
    this.#figures.stop();
    this.#settle(this.#cutting.signal.aborted ? 'cut' : 'retired');
  }

  /** @returns after how long it had to be killed; null when it ended by itself */
  async #stopApp(): Promise<number | null> {
    const { log } = this.#deps;
    const graceMs = this.#cutting.signal.aborted ? 0 : this.#killMs;
    if ((await this.#app.stop?.(graceMs)) !== 'killed') return null;
    log(
      `${quote(nameOfApp(this.#options.spec))} did not end by itself: killed after ${graceMs / 1_000} s`,
    );
    return graceMs;
  }

  async #leaveDead(why: string): Promise<void> {
    this.#deps.log(why);
    if (this.#leaving) return;
    this.#leaving = this.ended.then(() => {});
    this.#health?.stop();
    this.#stopListening();
    this.#connections.cut();
    await this.#registration.end('died', null, why);
    this.#figures.stop();
    this.#settle('died');
  }

  #tellReady(): void {
    const port = this.#app.worker?.() ? null : this.#port;
    this.#note('ready', readyWhy(port, performance.now() - (this.#options.startMs ?? 0)));
  }

  #note(kind: EventKind, why: string, by?: string): void {
    const who = by === undefined ? {} : { by };
    this.#deps.store.events.note({ kind, server: this.#options.id, why, ...who });
  }

  // http's own close() would also end idle connections, and those of a door are the door's to end.
  #stopListening(): void {
    NetServer.prototype.close.call(this.#server);
  }
}

function inAll(ms: number, cut: number): string {
  const rest = cut === 0 ? '' : `; ${cut} connections were cut`;
  return `in ${Math.round(ms)} ms${rest}`;
}

function killedAfter(ms: number | null): string {
  return ms === null ? '' : `its app had to be killed after ${ms / 1_000} s`;
}
