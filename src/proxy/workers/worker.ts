import { repeat } from '../../loop.ts';
import { createDoorFigures } from '../../metrics/door-figures.ts';
import type { RoutedListing } from '../../model/fleet-view.ts';
import { alsoInDebug } from '../access-log.ts';
import type { Answered } from '../exchange/context.ts';
import { createListener, type OwnListener } from '../listener.ts';
import { doorOptions } from '../options.ts';
import type { GivenSide, WorkerSide } from '../secure-side.ts';
import { Sticky } from '../sticky/cookie.ts';
import { Acceptor } from './acceptor.ts';
import type { SocketHandle } from './held-socket.ts';
import { PROTOCOL, type Start, type ToPrimary, type ToWorker, type View } from './messages.ts';
import { Reporter } from './reporter.ts';
import { Places, SharedClient, SuspectTargets } from './shared-client.ts';

export interface WorkerDeps {
  readonly primary: ToPrimary;
  /** Of a door with TLS: makes its side of what the primary gives. */
  readonly secureSide: ((given: GivenSide, log: (line: string) => void) => WorkerSide) | null;
  /** Writes a line for each request, where the door does. */
  onAnswer(answered: Answered): void;
  log(line: string): void;
}

const REPORT_MS = 250;

/** A worker of a door: all that one process does for clients, led by the messages of another. */
export class Worker {
  readonly #deps: WorkerDeps;
  #going: Going | null = null;
  #end: () => void = () => {};
  /** It is done with all it had. */
  readonly ended = new Promise<void>((resolve) => {
    this.#end = resolve;
  });

  constructor(deps: WorkerDeps) {
    this.#deps = deps;
  }

  /** @param socket the door's, where the message is about it */
  hear(message: ToWorker, socket: SocketHandle | undefined): void {
    if (message.do !== 'start') {
      void this.#going?.hear(message, socket)?.then(this.#end);
    } else if (message.protocol === PROTOCOL) {
      this.#going = new Going(this.#deps, message);
    } else {
      this.#deps.primary.send({ is: 'refused', protocol: PROTOCOL });
      this.#end();
    }
  }

  /** The primary is gone. */
  cut(): void {
    this.#going?.cut();
    this.#end();
  }
}

class Going {
  readonly #listener: OwnListener;
  readonly #acceptor: Acceptor;
  readonly #primary: ToPrimary;
  readonly #reporter: Reporter;
  readonly #places: Places;
  readonly #shared: SharedClient;
  readonly #suspects: SuspectTargets;
  readonly #sticky: Sticky | null;
  readonly #secure: WorkerSide | null;
  readonly #reports;
  #servers: readonly RoutedListing[] = [];

  constructor(
    { primary, log, onAnswer: write, secureSide }: WorkerDeps,
    { id, options: given, stickyNamespace, suspects, accessLog, secure }: Start,
  ) {
    const onAnswer = alsoInDebug(accessLog ? write : null);
    const options = doorOptions(given);
    const figures = createDoorFigures(options, () => performance.now());
    const { maxRequestNotes } = options;
    const reporter = new Reporter({ primary, figures, maxRequestNotes });
    this.#primary = primary;
    this.#reporter = reporter;
    this.#places = new Places(options.maxInflight);
    this.#shared = new SharedClient(primary);
    this.#suspects = new SuspectTargets(primary, suspects);
    this.#sticky = stickyNamespace === null ? null : new Sticky(stickyNamespace);
    this.#secure = (secure && secureSide?.(secure, log)) ?? null;
    const deps = {
      ...{ id, figures, onAnswer, sticky: this.#sticky, notes: reporter, onTrouble: log },
      secure: this.#secure,
      onUndelivered: (attempt: string) => primary.send({ is: 'undelivered', attempt }),
      onChange: reporter.soon,
      onTurn: reporter.soon,
      shared: { state: this.#shared, poison: this.#suspects },
    };
    this.#listener = createListener(deps, options);
    reporter.of(this.#listener);
    const { take } = this.#listener;
    this.#acceptor = new Acceptor({ primary, take, open: () => figures.clients.open });
    const every = () => REPORT_MS;
    this.#reports = repeat({ name: 'reports', every, work: () => reporter.look(), log });
  }

  /** @returns once it is to end: what resolves when it has */
  hear(message: ToWorker, socket: SocketHandle | undefined): Promise<void> | null {
    const { pool } = this.#listener;
    if (message.do === 'accept') this.#acceptor.listen(socket, message.most);
    else if (message.do === 'upTo') this.#acceptor.upTo(message.most);
    else if (message.do === 'view') this.#see(message);
    else if (message.do === 'grant') this.#places.give(message.server, message.places, pool.all());
    else if (message.do === 'recall') this.#giveBack(message.server, message.recall);
    else if (message.do === 'answer') {
      this.#shared.answered(message.question, { yes: message.yes, poison: false });
    } else if (message.do === 'verdict') {
      const { question, poison, again: yes } = message;
      this.#shared.answered(question, { yes, poison });
    } else if (message.do === 'suspect') this.#suspects.add(message.target);
    else if (message.do === 'clear') this.#suspects.delete(message.target);
    else if (message.do === 'certificates') this.#secure?.replace(message.certificates);
    else if (message.do === 'leave') return this.#end(this.#listener.leave());
    else if (message.do === 'close') {
      const { deadlineMs, idleMs } = message;
      return this.#end(this.#listener.close(deadlineMs, idleMs));
    }
    return null;
  }

  cut(): void {
    void this.#reports.stop();
    this.#acceptor.close();
    this.#listener.cut();
  }

  async #end(ending: Promise<void>): Promise<void> {
    this.#acceptor.close();
    await ending;
    await this.#reports.stop();
    this.#reporter.tell();
  }

  #see({ seq, servers, stickyKey, started }: View): void {
    const { pool, starts } = this.#listener;
    this.#servers = servers ?? this.#servers;
    if (this.#sticky && this.#sticky.key !== stickyKey) this.#sticky.use(stickyKey);
    pool.apply({ servers: this.#servers });
    const upstreams = pool.all();
    const known = [...this.#servers.map(({ record }) => record), ...upstreams];
    this.#places.keepOnly(new Set(known.map(({ id }) => id)));
    this.#places.settle(upstreams);
    if (started) starts.end();
    else starts.look();
    this.#reporter.saw(seq);
  }

  #giveBack(server: string, recall: number): void {
    const places = this.#places.takeBack(server, this.#listener.pool.all());
    this.#primary.send({ is: 'returned', server, places, recall });
  }
}
