import { createDoorFigures, type DoorFigures } from '../metrics/door-figures.ts';
import type { CountedSocket } from '../metrics/socket-bytes.ts';
import type { Tally } from '../metrics/tally.ts';
import { FRONTEND } from './config/door-config.ts';
import type { EngineOptions } from './config/engine-options.ts';
import { BACKEND } from './config/refusals.ts';
import { count, type StatRow } from './runtime/stat-rows.ts';

/** The classes of status that HAProxy counts, and what stands for each in our figures. */
const CLASSES = [
  ['hrsp_1xx', 101],
  ['hrsp_2xx', 200],
  ['hrsp_3xx', 300],
  ['hrsp_4xx', 400],
  ['hrsp_5xx', 500],
] as const;
const OTHERS = new Set(['FRONTEND', 'BACKEND']);

/** What HAProxy has counted, as figures of a door. It measures no single request: there are no durations. */
export class EngineFigures {
  readonly figures: DoorFigures;
  readonly #before = new Map<string, StatRow>();
  readonly #sockets = new Map<string, { bytesRead: number; bytesWritten: number }>();
  #open = 0;

  constructor(options: Pick<EngineOptions, 'figuresKeepMs' | 'maxPoolServers'>) {
    const counted = createDoorFigures(options, () => performance.now());
    this.figures = withClients(counted, () => this.#open);
  }

  /** A HAProxy begins to count; with the rows of one that has counted for others before. */
  begin(rows: readonly StatRow[]): void {
    this.#before.clear();
    const door = doorIn(rows);
    if (door) this.#before.set('', door);
    for (const row of serversIn(rows)) this.#before.set(row.svname ?? '', row);
  }

  /** All rows of one `show stat`. */
  take(rows: readonly StatRow[]): void {
    const servers = serversIn(rows);
    const own = new Map<string, number>();
    const door = doorIn(rows);
    if (door) this.#takeDoor(door, own);
    for (const row of servers) this.#takeServer(row, own);
    this.#forget(new Set(servers.map(({ svname }) => svname ?? '')));
    for (const [column, status] of CLASSES) {
      repeated(own.get(column) ?? 0, () => this.figures.answered(null, status, null));
    }
    this.figures.turn();
  }

  /** What clients got in all; what servers did not answer is taken for the door's own. */
  #takeDoor(row: StatRow, own: Map<string, number>): void {
    const since = this.#since('', row);
    for (const [column] of CLASSES) own.set(column, since(column));
    this.#open = count(row, 'scur');
    this.#bytes('', this.figures.clients, since);
  }

  #takeServer(row: StatRow, own: Map<string, number>): void {
    const { svname: id = '' } = row;
    const tally = this.figures.tally(id);
    const since = this.#since(id, row);
    for (const [column, status] of CLASSES) {
      const more = since(column);
      own.set(column, (own.get(column) ?? 0) - more);
      repeated(more, () => tally.answered(status, null));
    }
    repeated(since('wretr'), () => tally.retried('unconnected'));
    repeated(since('chkdown'), () => tally.ejected('failing'));
    this.#bytes(id, tally.bytes, since);
  }

  #forget(there: ReadonlySet<string>): void {
    for (const [id, socket] of this.#sockets) {
      if (id === '' || there.has(id)) continue;
      this.figures.tally(id).bytes.closed(socket);
      this.figures.left(id);
      this.#sockets.delete(id);
      this.#before.delete(id);
    }
  }

  /** How much a column has grown; a HAProxy that was started again counts from nothing. */
  #since(id: string, row: StatRow): (column: string) => number {
    const before = this.#before.get(id);
    this.#before.set(id, row);
    return (column) => {
      const [now, then] = [count(row, column), count(before, column)];
      return now < then ? now : now - then;
    };
  }

  #bytes(
    id: string,
    bytes: Tally['bytes'] | DoorFigures['clients'],
    since: (column: string) => number,
  ) {
    const socket = this.#sockets.get(id) ?? { bytesRead: 0, bytesWritten: 0 };
    const isClient = id === '';
    socket.bytesRead += since(isClient ? 'bin' : 'bout');
    socket.bytesWritten += since(isClient ? 'bout' : 'bin');
    this.#sockets.set(id, socket);
    bytes.opened(socket satisfies CountedSocket);
  }
}

function doorIn(rows: readonly StatRow[]): StatRow | undefined {
  return rows.find(({ pxname, svname }) => pxname === FRONTEND && svname === 'FRONTEND');
}

function serversIn(rows: readonly StatRow[]): StatRow[] {
  return rows.filter(({ pxname, svname = '' }) => pxname === BACKEND && !OTHERS.has(svname));
}

function withClients(counted: DoorFigures, open: () => number): DoorFigures {
  return {
    tally: (id) => counted.tally(id),
    left: (id) => counted.left(id),
    answered: (tally, status, durationMs) => counted.answered(tally, status, durationMs),
    answeredItself: (answer) => counted.answeredItself(answer),
    refused: (answer, durationMs) => counted.refused(answer, durationMs),
    clients: counted.clients,
    snapshot() {
      const all = counted.snapshot();
      return { ...all, clients: { ...all.clients, open: open() } };
    },
    total: () => counted.total(),
    rates: counted.rates.bind(counted),
    turn: () => counted.turn(),
  };
}

function repeated(times: number, act: () => void): void {
  for (let left = times; left > 0; left -= 1) act();
}
