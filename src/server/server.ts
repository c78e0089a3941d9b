import type { Server as HttpServer } from 'node:http';
import { Server as NetServer } from 'node:net';
import { httpUrl, reachable } from '../address.ts';
import { defaults } from '../defaults.ts';
import { FailedError, isOutage } from '../errors.ts';
import { type AppHealth, watchApp } from '../health/app-health.ts';
import type { Identity } from '../health/endpoint.ts';
import { HEALTH_PATH, healthPathOf } from '../health/endpoint.ts';
import { checkItself } from '../health/self-check.ts';
import type { Hosted } from '../hosting/hosted.ts';
import { listen, listenFrom } from '../listen.ts';
import { type Background, repeat } from '../loop.ts';
import { isWorker, nameOfApp } from '../model/app-spec.ts';
import type { BeatReply, ServerRecord } from '../model/records.ts';
import { quote, reason } from '../text.ts';
import type { Connections } from './connections.ts';
import { type RetireDeps, retire, retireWorker } from './drain.ts';
import { createServedApp } from './http-server.ts';
import type { Ending, RunningServer, ServeDeps, ServeOptions } from './options.ts';

const OTHER_PORT = 'Choose another with --port, or leave it out';

/** Nobody is told to come to a worker. */
const ANY_PORT = 0;

/** One server from its first bind to its last word. */
export class FleetServer implements RunningServer {
  readonly ended: Promise<Ending>;
  readonly #deps: ServeDeps;
  readonly #options: ServeOptions;
  readonly #healthPath: string;
  readonly #hosted: Hosted;
  readonly #server: HttpServer;
  readonly #connections: Connections;
  readonly #health: AppHealth | null;
  readonly #killMs: number;
  readonly #startedAt = Date.now();
  readonly #cutting = new AbortController();
  #state: 'up' | 'draining' = 'up';
  #port = 0;
  #leaving: Promise<void> | null = null;
  #rounds: Background | null = null;
  #unwatch = () => {};
  #served = false;
  #settle: (how: Ending) => void = () => {};

  constructor(deps: ServeDeps, options: ServeOptions) {
    const { log, host } = deps;
    const { id, spec, requestMs = defaults.clientRequestMs } = options;
    this.#deps = deps;
    this.#options = options;
    this.#healthPath = healthPathOf(spec);
    this.#killMs = spec.killMs ?? defaults.termGraceMs;
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
    const identity = { id, port: () => this.#port, state: () => this.#stateOfHealth() };
    this.#hosted = host(identity);
    const served = createServedApp(this.#hosted, identity, {
      healthPath: this.#healthPath,
      requestMs,
    });
    this.#server = served.server;
    this.#connections = served.connections;
    this.#health = watchApp(this.#hosted, {
      answers: this.#connections.answers,
      onChange: () => this.#rounds?.soon(),
      log,
    });
  }

  async start(): Promise<void> {
    const { id, spec, listenHost: host, fixedPort, firstPort } = this.#options;
    const from = firstPort ?? (isWorker(spec) ? ANY_PORT : defaults.firstServerPort);
    this.#port =
      fixedPort === null
        ? await listenFrom(this.#server, { host, port: from })
        : await listen(this.#server, { host, port: fixedPort }, OTHER_PORT);
    const here = reachable(host);
    await this.#hosted.start?.(this.#port, here);
    await checkItself(httpUrl(here, this.#port) + this.#healthPath, id);
    await this.#register();
    const rounds = this.#startRounds();
    this.#health?.start();
    this.#unwatch = this.#deps.store.registry.watch((changed) => {
      if (changed === id || changed === null) rounds.soon();
    });
    void this.#hosted.died?.then((why) => this.#leaveDead(why));
  }

  async abandon(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    this.#inFolder(() => this.#deps.wanted?.drop());
    await this.#hosted.stop?.(this.#killMs);
  }

  record(): ServerRecord {
    const { id, machine, spec, version, folder } = this.#options;
    const program = this.#hosted.inner?.();
    const worker = this.#hosted.worker?.();
    return {
      id,
      url: this.#url(),
      ...machine,
      port: this.#port,
      app: nameOfApp(spec),
      version,
      state: this.#state,
      startedAt: this.#startedAt,
      requests: this.#connections.requests(),
      inflight: this.#connections.inflight(),
      ...(this.#healthPath === HEALTH_PATH ? {} : { health: this.#healthPath }),
      ...(this.#health?.why ? { failing: this.#health.why } : {}),
      ...(spec.killMs === undefined ? {} : { killMs: spec.killMs }),
      ...(folder ? { folder } : {}),
      ...(program ? { program } : {}),
      ...(worker ? { worker } : {}),
    };
  }

  retire(drainMs: number): Promise<void> {
    this.#leaving ??= this.#leave(drainMs);
    return this.#leaving;
  }

  cut(): void {
    this.#cutting.abort();
    if (this.#served) void this.#hosted.stop?.(0);
  }

  #stateOfHealth(): ReturnType<Identity['state']> {
    return this.#state === 'up' && this.#health?.why ? 'failing' : this.#state;
  }

  #url(): string {
    const { advertise, listenHost } = this.#options;
    return httpUrl(advertise ?? reachable(listenHost), this.#port);
  }

  async #register(): Promise<void> {
    const { store, wanted, onRegister } = this.#deps;
    const { replaces } = this.#options;
    onRegister?.();
    if (wanted === null) return store.registry.register(this.record(), null);
    if (!(await wanted.register(this.record()))) throw notWanted(replaces);
    if (replaces !== null) await this.#look();
  }

  /** They go on while it leaves: the door must not take it for dead. */
  #startRounds(): Background {
    const { log } = this.#deps;
    this.#rounds = repeat({
      name: 'beat',
      every: nextBeatMs,
      work: async () => {
        await this.#beat();
        await this.#hosted.beat?.();
      },
      log,
      isTold: isOutage,
    });
    return this.#rounds;
  }

  async #beat(): Promise<BeatReply> {
    const { store, wanted } = this.#deps;
    const intent = this.#state === 'up' ? (wanted?.current() ?? null) : null;
    const reply = await store.registry.beat(this.record(), intent);
    this.#obey(reply);
    return reply;
  }

  // Whatever is wrong, the rounds find it too, and say it.
  readonly #look = (): Promise<BeatReply | null> => this.#beat().catch(() => null);

  #obey({ order, registry }: BeatReply): void {
    const { wanted } = this.#deps;
    if (order) {
      this.#inFolder(() => wanted?.drop());
      void this.retire(order.drainMs);
    } else if (this.#inFolder(() => wanted?.follow(registry))) void this.#look();
  }

  // What cannot be kept is said; it is no reason to end what serves.
  #inFolder<T>(act: () => T): T | null {
    try {
      return act();
    } catch (error) {
      this.#deps.log(reason(error));
      return null;
    }
  }

  async #leave(drainMs: number): Promise<void> {
    this.#state = 'draining';
    this.#health?.stop();
    const deps: RetireDeps = {
      connections: this.#connections,
      look: this.#look,
      letGo: () => this.#hosted.drain?.(),
      stopListening: () => this.#stopListening(),
      cut: this.#cutting.signal,
    };
    const { finish } = this.#hosted;
    await (finish ? retireWorker(deps, finish, drainMs) : retire(deps, drainMs));
    this.#served = true;
    const killed = await this.#stopApp();
    this.#unwatch();
    await this.#rounds?.stop();
    await this.#deregister('left', killed);
    this.#settle(this.#cutting.signal.aborted ? 'cut' : 'retired');
  }

  /** @returns after how long it had to be killed; null when it ended by itself */
  async #stopApp(): Promise<number | null> {
    const { log } = this.#deps;
    const graceMs = this.#cutting.signal.aborted ? 0 : this.#killMs;
    if ((await this.#hosted.stop?.(graceMs)) !== 'killed') return null;
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
    this.#unwatch();
    this.#stopListening();
    this.#connections.cut();
    await this.#rounds?.stop();
    await this.#deregister('died', null);
    this.#settle('died');
  }

  async #deregister(how: 'left' | 'died', killedAfterMs: number | null): Promise<void> {
    const { store, wanted, log } = this.#deps;
    const kept = how === 'left' ? this.#inFolder(() => wanted?.stop() ?? null) : null;
    const { id } = this.#options;
    const ordered = await store.registry
      .deregister(id, kept, killedAfterMs)
      .catch((error) => log(reason(error)));
    if (ordered) this.#inFolder(() => wanted?.drop());
  }

  // http's own close() would also end idle connections, and those of a door are the door's to end.
  #stopListening(): void {
    NetServer.prototype.close.call(this.#server);
  }
}

function notWanted(oldId: string | null): FailedError {
  const message = `server ${oldId} is no longer wanted, or has been replaced already`;
  return new FailedError('replaced', message, 'See `meowctl listservers`');
}

function nextBeatMs(): number {
  return defaults.beatMs * (1 + defaults.beatJitter * (2 * Math.random() - 1));
}
