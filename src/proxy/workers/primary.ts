import { cannotListen, listen, OTHER_PORT } from '../../listen.ts';
import { type Background, repeat } from '../../loop.ts';
import type { WorkersView } from '../../metrics/workers-view.ts';
import type { RoutedView } from '../../model/fleet-view.ts';
import { until } from '../../time/until.ts';
import type { PrimaryDeps } from '../door.ts';
import type { Listener } from '../listener.ts';
import type { DoorPool } from '../membership.ts';
import type { DoorOptions } from '../options.ts';
import { isRoutable } from '../upstream/upstream.ts';
import { HeldSocket } from './held-socket.ts';
import { InflightCap } from './inflight-cap.ts';
import { type FromWorker, PROTOCOL, type Report } from './messages.ts';
import { SharedPool } from './shared-pool.ts';
import { Shares } from './shares.ts';
import { Supervisor } from './supervisor.ts';
import { Verdicts } from './verdicts.ts';
import { Views } from './views.ts';
import type { WorkerHandle } from './worker-handle.ts';
import type { WorkersWanted } from './workers.ts';

const TURN_MS = 1_000;
/** How long a reading of the registry waits for a worker that stands still. */
const SEEN_MS = 250;
const LOOK_MS = 5;

/** A door of several processes: this one holds its socket, the primary; workers do all for clients. */
export class Primary implements Listener {
  readonly pool: DoorPool;
  // Workers look by themselves at each view.
  readonly starts = { look() {}, end: () => this.#startsEnded() };
  readonly #wanted: WorkersWanted;
  readonly #deps: PrimaryDeps;
  readonly #options: DoorOptions;
  readonly #supervisor: Supervisor;
  readonly #sharedPool: SharedPool;
  readonly #shares: Shares;
  readonly #places: InflightCap;
  readonly #verdicts: Verdicts;
  readonly #views: Views;
  readonly socket = new HeldSocket();
  readonly #turns: Background;
  readonly #certificates: Background | undefined;
  #pastCpuMs = 0;
  #deaf: NodeJS.ErrnoException | null = null;
  #deaths = 0;

  constructor(wanted: WorkersWanted, deps: PrimaryDeps, options: DoorOptions) {
    this.#wanted = wanted;
    this.#deps = deps;
    this.#options = options;
    const { sticky, figures, onTrouble: say } = deps;
    this.#views = new Views(sticky, options);
    this.#places = new InflightCap(options.maxInflight, wanted.count);
    this.#supervisor = new Supervisor(wanted.count, wanted.start, {
      began: (worker) => this.#began(worker),
      heard: (worker, message) => this.#heard(worker, message),
      leaves: (worker) => this.#places.release(worker),
      gone: (worker, told) => this.#gone(worker, told),
      log: say,
    });
    const { workers } = this.#supervisor;
    this.#shares = new Shares(workers, () => this.socket.handle);
    this.#sharedPool = new SharedPool(workers, {
      turns: (server, to, why) => deps.onTurn(server, to, why),
      came: (id) => figures.tally(id),
      left: (id) => figures.left(id),
    });
    const tellAll = this.#supervisor.tellAll;
    this.#verdicts = new Verdicts({ pool: this.#sharedPool, tellAll, say }, options);
    this.pool = {
      all: () => this.#sharedPool.all(),
      routable: () => this.#sharedPool.all().filter(isRoutable),
      apply: (view) => this.#apply(view),
    };
    this.#certificates = deps.secure?.watch((certificates) =>
      tellAll({ do: 'certificates', certificates }),
    );
    const work = () => this.#turn();
    this.#turns = repeat({ name: 'workers', every: () => TURN_MS, work, log: say });
  }

  get poison() {
    return this.#verdicts.poison;
  }

  async listen(): Promise<number> {
    const port = await listen(this.socket, this.#options, OTHER_PORT);
    await this.#supervisor.begin().catch((error: unknown) => {
      // Another door has bound it in the same moment, and came first.
      throw this.#deaf ? cannotListen({ ...this.#options, port }, OTHER_PORT, this.#deaf) : error;
    });
    return port;
  }

  listens(): boolean {
    return this.socket.listening;
  }

  async close(deadlineMs: number, idleMs = 0): Promise<void> {
    this.socket.close();
    await this.#supervisor.close(deadlineMs, idleMs);
    this.cut();
  }

  cut(): void {
    void this.#turns.stop();
    void this.#certificates?.stop();
    this.socket.close();
    this.#supervisor.cut();
  }

  workers(): WorkersView {
    const workers = this.#supervisor.workers().map((worker) => {
      const { slot, state, connections, usage } = worker;
      return { slot, pid: worker.process.pid, state, connections, usage };
    });
    return { workers, pastCpuMs: this.#pastCpuMs, deaths: this.#deaths };
  }

  roll(): Promise<void> {
    return this.#supervisor.roll();
  }

  #turn(): void {
    this.#verdicts.turn();
    this.#deps.figures.turn();
    this.#supervisor.look();
    this.#shares.look();
  }

  #startsEnded(): void {
    this.#views.started = true;
    this.#tellView();
  }

  // Whoever reads the registry waits until what is in it has come about.
  async #apply(view: RoutedView): Promise<void> {
    this.#views.read(view);
    const { seq } = this.#views;
    this.#sharedPool.drain(this.#views.draining(), seq);
    this.#tellView();
    const haveSeen = () =>
      this.#supervisor
        .workers()
        .every((worker) => worker.state === 'starting' || worker.seq >= seq);
    await until(haveSeen, { everyMs: LOOK_MS, withinMs: SEEN_MS });
  }

  #tellView(): void {
    for (const worker of this.#supervisor.workers()) this.#cover(worker);
    this.#supervisor.tellAll(this.#views.next());
  }

  #cover(worker: WorkerHandle): void {
    if (worker.state !== 'leaving') this.#places.cover(worker, this.#views.ids());
  }

  #began(worker: WorkerHandle): void {
    const { id, sticky, secure } = this.#deps;
    worker.process.send({
      ...(secure ? { secure: secure.given() } : {}),
      ...{ do: 'start', protocol: PROTOCOL, id, options: this.#options },
      stickyNamespace: sticky?.namespace ?? null,
      accessLog: this.#wanted.accessLog,
      suspects: this.poison.keys(),
    });
    this.#cover(worker);
    worker.process.send(this.#views.whole());
  }

  #heard(worker: WorkerHandle, message: FromWorker): void {
    if (message.is === 'report') this.#report(worker, message);
    else if (message.is === 'deaf') this.#isDeaf(worker, message.code);
    else if (message.is === 'full') this.#places.full(worker, message.question, message.servers);
    else if (message.is === 'returned') {
      this.#places.returned(worker, message.server, message.places, message.recall);
    } else if (message.is === 'broke') this.#verdicts.judge(worker, message);
    else if (message.is === 'answered') this.#verdicts.answered(message.target);
    else if (message.is === 'undelivered') this.#deps.onUndelivered(message.attempt);
    else this.#shares.hear(worker, message);
  }

  #report(worker: WorkerHandle, report: Report): void {
    const { figures, notes } = this.#deps;
    const isNews = report.servers !== null || report.seq !== worker.seq;
    worker.told(report);
    this.#verdicts.count(report.requests);
    if (report.figures) figures.merge(report.figures);
    for (const note of report.notes) notes.add(note);
    this.#shares.look();
    if (report.servers) this.#keepPlaces(worker);
    if (isNews) this.#update();
  }

  #isDeaf(worker: WorkerHandle, code: string): void {
    worker.refusal = `cannot listen: ${code}`;
    this.#deaf = Object.assign(new Error(worker.refusal), { code });
    worker.process.destroy();
  }

  #keepPlaces(worker: WorkerHandle): void {
    const listed = new Set(this.#views.ids());
    this.#places.keepOnly(worker, (id) => listed.has(id) || worker.servers.has(id));
  }

  #update(): void {
    if (this.#sharedPool.update()) this.#deps.onRoster();
  }

  #gone(worker: WorkerHandle, told: boolean): void {
    if (!told) this.#deaths += 1;
    this.#pastCpuMs += worker.usage.cpuMs;
    this.#deps.figures.merge(worker.open.undo());
    this.#places.gone(worker);
    this.#shares.look();
    this.#update();
  }
}
