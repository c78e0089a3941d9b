import { createServer, type Server, type Socket } from 'node:net';
import { listen, OTHER_PORT } from '../../listen.ts';
import { type Background, repeat } from '../../loop.ts';
import type { WorkersView } from '../../metrics/workers-view.ts';
import type { RoutedView } from '../../model/fleet-view.ts';
import { until } from '../../time/until.ts';
import type { FrontDeps } from '../door.ts';
import type { Listener } from '../listener.ts';
import type { DoorPool } from '../membership.ts';
import type { DoorOptions } from '../options.ts';
import { isRoutable } from '../upstream/upstream.ts';
import { Crew } from './crew.ts';
import { HandOver } from './hand-over.ts';
import type { Member } from './member.ts';
import { type FromWorker, PROTOCOL, type Report } from './messages.ts';
import { PlacesShared } from './places.ts';
import { SharedRoster } from './shared-roster.ts';
import { Verdicts } from './verdicts.ts';
import { Views } from './views.ts';
import type { WorkersWanted } from './workers.ts';

const TURN_MS = 1_000;
/** How long a reading of the registry waits for a worker that stands still. */
const SEEN_MS = 250;
const LOOK_MS = 5;

/** A door of several processes: this one holds its socket, and leads; workers do all for clients. */
export class Front implements Listener {
  readonly pool: DoorPool;
  // Workers look by themselves at each view.
  readonly starts = { look() {}, end: () => this.#startsEnded() };
  readonly #wanted: WorkersWanted;
  readonly #deps: FrontDeps;
  readonly #options: DoorOptions;
  readonly #crew: Crew;
  readonly #roster: SharedRoster;
  readonly #handOver: HandOver;
  readonly #places: PlacesShared;
  readonly #verdicts: Verdicts;
  readonly #views: Views;
  readonly #server: Server;
  readonly #turns: Background;
  #pastCpuMs = 0;
  #deaths = 0;

  constructor(wanted: WorkersWanted, deps: FrontDeps, options: DoorOptions) {
    this.#wanted = wanted;
    this.#deps = deps;
    this.#options = options;
    const { sticky, figures, onTrouble: say } = deps;
    this.#views = new Views(sticky, options);
    this.#places = new PlacesShared(options.maxInflight, wanted.count);
    this.#crew = new Crew(wanted.count, wanted.start, {
      began: (member) => this.#began(member),
      heard: (member, message) => this.#heard(member, message),
      leaves: (member) => this.#places.release(member),
      gone: (member, told) => this.#gone(member, told),
      log: say,
    });
    const { members } = this.#crew;
    this.#handOver = new HandOver(members);
    this.#roster = new SharedRoster(members, {
      turns: (server, to, why) => deps.onTurn(server, to, why),
      came: (id) => figures.tally(id),
      left: (id) => figures.left(id),
    });
    const tellAll = this.#crew.tellAll;
    this.#verdicts = new Verdicts({ roster: this.#roster, tellAll, say }, options);
    this.pool = {
      all: () => this.#roster.all(),
      routable: () => this.#roster.all().filter(isRoutable),
      apply: (view) => this.#apply(view),
    };
    // Node reads nothing from them: whoever gets one does.
    this.#server = createServer({ pauseOnConnect: true, noDelay: true }, (socket: Socket) =>
      this.#handOver.offer(socket),
    );
    const work = () => this.#turn();
    this.#turns = repeat({ name: 'workers', every: () => TURN_MS, work, log: say });
  }

  get poison() {
    return this.#verdicts.poison;
  }

  async listen(): Promise<number> {
    const port = await listen(this.#server, this.#options, OTHER_PORT);
    await this.#crew.begin();
    return port;
  }

  async close(deadlineMs: number): Promise<void> {
    this.#server.close();
    // A moment for those that wait: they are closed behind their answer.
    const isEmpty = () => this.#handOver.waiting === 0;
    await until(isEmpty, { everyMs: LOOK_MS, withinMs: Math.min(SEEN_MS, deadlineMs) });
    await this.#crew.close(deadlineMs);
    this.cut();
  }

  cut(): void {
    void this.#turns.stop();
    this.#server.close();
    this.#handOver.cut();
    this.#crew.cut();
  }

  workers(): WorkersView {
    const workers = this.#crew.members().map((member) => {
      const { slot, state, connections, usage } = member;
      return { slot, pid: member.process.pid, state, connections, usage };
    });
    return { workers, pastCpuMs: this.#pastCpuMs, deaths: this.#deaths };
  }

  roll(): Promise<void> {
    return this.#crew.roll();
  }

  #turn(): void {
    this.#verdicts.turn();
    this.#deps.figures.turn();
    this.#crew.look();
  }

  #startsEnded(): void {
    this.#views.started = true;
    this.#tellView();
  }

  // Whoever reads the registry waits until what is in it has come about.
  async #apply(view: RoutedView): Promise<void> {
    this.#views.read(view);
    const { seq } = this.#views;
    this.#roster.drain(this.#views.draining(), seq);
    this.#tellView();
    const haveSeen = () =>
      this.#crew.members().every((member) => member.state === 'starting' || member.seq >= seq);
    await until(haveSeen, { everyMs: LOOK_MS, withinMs: SEEN_MS });
  }

  #tellView(): void {
    for (const member of this.#crew.members()) this.#cover(member);
    this.#crew.tellAll(this.#views.next());
  }

  #cover(member: Member): void {
    if (member.state !== 'leaving') this.#places.cover(member, this.#views.ids());
  }

  #began(member: Member): void {
    const { id, sticky } = this.#deps;
    member.process.send({
      ...{ do: 'start', protocol: PROTOCOL, id, options: this.#options },
      stickyNamespace: sticky?.namespace ?? null,
      accessLog: this.#wanted.accessLog,
      suspects: this.poison.keys(),
    });
    this.#cover(member);
    member.process.send(this.#views.whole());
  }

  #heard(member: Member, message: FromWorker): void {
    if (message.is === 'report') this.#report(member, message);
    else if (message.is === 'taken') this.#handOver.taken(member, message.number);
    else if (message.is === 'full') this.#places.full(member, message.question, message.servers);
    else if (message.is === 'returned') {
      this.#places.returned(member, message.server, message.places, message.recall);
    } else if (message.is === 'broke') this.#verdicts.judge(member, message);
    else if (message.is === 'answered') this.#verdicts.answered(message.target);
    else if (message.is === 'undelivered') this.#deps.onUndelivered(message.attempt);
  }

  #report(member: Member, report: Report): void {
    const { figures, notes } = this.#deps;
    const isNews = report.servers !== null || report.seq !== member.seq;
    member.told(report);
    this.#verdicts.count(report.requests);
    if (report.figures) figures.merge(report.figures);
    for (const note of report.notes) notes.add(note);
    if (member.state === 'starting' && report.seq > 0) member.state = 'serving';
    this.#handOver.look(member);
    this.#handOver.pump();
    if (report.servers) this.#keepPlaces(member);
    if (isNews) this.#update();
  }

  #keepPlaces(member: Member): void {
    const listed = new Set(this.#views.ids());
    this.#places.keepOnly(member, (id) => listed.has(id) || member.servers.has(id));
  }

  #update(): void {
    if (this.#roster.update()) this.#deps.onRoster();
  }

  #gone(member: Member, told: boolean): void {
    if (!told) this.#deaths += 1;
    this.#pastCpuMs += member.usage.cpuMs;
    this.#deps.figures.merge(member.open.undo());
    this.#places.gone(member);
    this.#handOver.gone(member);
    this.#update();
  }
}
