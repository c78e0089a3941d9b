import { STEPS, stepOf } from './durations.ts';
import { SocketBytes } from './socket-bytes.ts';

/** What clients got. `499`: they left before an answer began, which no other class counts. */
const STATUS_CLASSES = ['1xx', '2xx', '3xx', '4xx', '499', '5xx'] as const;
/** Why an attempt was repeated with another server: see proxy/exchange/retry-policy.ts. */
const RETRIES = ['unconnected', 'broken', 'gone'] as const;
/** Why a server was taken out of the rotation: see proxy/upstream/states.ts. */
const EJECTIONS = ['refused', 'resets', 'vacant', 'failing'] as const;
/** How health checks of the door ended: see proxy/upstream/probe.ts. */
const PROBES = ['good', 'draining', 'bad', 'silent', 'vacant', 'nameless', 'stranger'] as const;

type StatusClass = (typeof STATUS_CLASSES)[number];
type RetryKind = (typeof RETRIES)[number];
type EjectionCause = (typeof EJECTIONS)[number];
type ProbeKind = (typeof PROBES)[number];

/** Where what stands in a mark. */
export const MARKED = { requests: 0, errors: 1, retries: 2, steps: 3 } as const;
export const MARK_LENGTH = MARKED.steps + STEPS;

const GONE = 499;
const HUNDRED = 100;
const [FOUR_NINE_NINE, LAST] = [STATUS_CLASSES.indexOf('499'), STATUS_CLASSES.length - 1];

/** Where in a row of `flat` stands what is open now: WebSockets and streams. */
export const OPEN_AT = STATUS_CLASSES.length + STEPS + 3;

/** Counts so far, of one server or of a whole door. */
export interface Counts {
  readonly requests: number;
  /** Answers with 500 and more. */
  readonly errors: number;
  readonly byClass: Readonly<Record<StatusClass, number>>;
  /** Per step of durations.ts; without WebSockets and event streams, whose length says nothing. */
  readonly steps: ArrayLike<number>;
  readonly sumMs: number;
  readonly retries: Readonly<Record<RetryKind, number>>;
  readonly ejections: Readonly<Record<EjectionCause, number>>;
  readonly probes: Readonly<Record<ProbeKind, number>>;
  /** Over all connections to the server, or to all servers. */
  readonly bytesFrom: number;
  readonly bytesTo: number;
  /** Open now. */
  readonly webSockets: number;
  readonly streams: number;
}

/**
 * What a door has counted of one server. A request counts for the server that it was sent to last,
 * also where the door had to answer in its place. Written for every request: plain numbers only.
 */
export class Tally {
  readonly bytes = new SocketBytes();
  readonly retries: Record<RetryKind, number> = zeros(RETRIES);
  readonly ejections: Record<EjectionCause, number> = zeros(EJECTIONS);
  readonly probes: Record<ProbeKind, number> = zeros(PROBES);
  webSockets = 0;
  streams = 0;
  readonly #classes = new Float64Array(STATUS_CLASSES.length);
  readonly #steps = new Float64Array(STEPS);
  #sumMs = 0;
  #bytesFrom = 0;
  #bytesTo = 0;

  /** @param durationMs null where it says nothing of a server's speed */
  answered(status: number, durationMs: number | null): void {
    add(this.#classes, classOf(status), 1);
    if (durationMs === null) return;
    add(this.#steps, stepOf(durationMs), 1);
    this.#sumMs += durationMs;
  }

  /** @param failure as which the attempt ended that is repeated with another server */
  retried(failure: string): void {
    for (const known of RETRIES) if (known === failure) this.retries[known] += 1;
  }

  /** @param cause the event that took it out of the rotation */
  ejected(cause: string): void {
    for (const known of EJECTIONS) if (known === cause) this.ejections[known] += 1;
  }

  /** Takes over what another one has counted so far; what is open there now is left out. */
  take(other: Tally): void {
    other.#classes.forEach((count, at) => {
      add(this.#classes, at, count);
    });
    other.#steps.forEach((count, at) => {
      add(this.#steps, at, count);
    });
    this.#sumMs += other.#sumMs;
    this.#bytesFrom += other.#bytesFrom + other.bytes.read();
    this.#bytesTo += other.#bytesTo + other.bytes.written();
    for (const kind of RETRIES) this.retries[kind] += other.retries[kind];
    for (const cause of EJECTIONS) this.ejections[cause] += other.ejections[cause];
    for (const kind of PROBES) this.probes[kind] += other.probes[kind];
  }

  /** All of it as a row of numbers, for `add` of another process. */
  flat(): number[] {
    return [
      ...this.#classes,
      ...this.#steps,
      ...[this.#sumMs, this.#bytesFrom + this.bytes.read(), this.#bytesTo + this.bytes.written()],
      ...[this.webSockets, this.streams],
      ...RETRIES.map((kind) => this.retries[kind]),
      ...EJECTIONS.map((cause) => this.ejections[cause]),
      ...PROBES.map((kind) => this.probes[kind]),
    ];
  }

  /** Counts what another process has counted since it told last. */
  add(counted: readonly number[]): void {
    const left = counted.values();
    const next = () => left.next().value ?? 0;
    this.#classes.forEach((_, at) => {
      add(this.#classes, at, next());
    });
    this.#steps.forEach((_, at) => {
      add(this.#steps, at, next());
    });
    this.#sumMs += next();
    this.#bytesFrom += next();
    this.#bytesTo += next();
    this.webSockets += next();
    this.streams += next();
    for (const kind of RETRIES) this.retries[kind] += next();
    for (const cause of EJECTIONS) this.ejections[cause] += next();
    for (const kind of PROBES) this.probes[kind] += next();
  }

  /** What rates are made of, added to a mark that has been made before. */
  mark(mark: Float64Array): void {
    add(mark, MARKED.requests, this.#requests());
    add(mark, MARKED.errors, this.#errors());
    const { unconnected, broken, gone } = this.retries;
    add(mark, MARKED.retries, unconnected + broken + gone);
    for (let step = 0; step < STEPS; step += 1)
      add(mark, MARKED.steps + step, this.#steps[step] ?? 0);
  }

  counts(): Counts {
    const classes = this.#classes;
    return {
      requests: this.#requests(),
      errors: this.#errors(),
      byClass: record(STATUS_CLASSES, (_, at) => classes[at] ?? 0),
      steps: this.#steps.slice(),
      sumMs: this.#sumMs,
      retries: { ...this.retries },
      ejections: { ...this.ejections },
      probes: { ...this.probes },
      bytesFrom: this.#bytesFrom + this.bytes.read(),
      bytesTo: this.#bytesTo + this.bytes.written(),
      webSockets: this.webSockets,
      streams: this.streams,
    };
  }

  #requests(): number {
    let sum = 0;
    for (let at = 0; at <= LAST; at += 1) sum += this.#classes[at] ?? 0;
    return sum;
  }

  #errors(): number {
    return this.#classes[LAST] ?? 0;
  }
}

function classOf(status: number): number {
  if (status === GONE) return FOUR_NINE_NINE;
  const at = Math.floor(status / HUNDRED) - 1;
  return at >= FOUR_NINE_NINE ? LAST : Math.max(at, 0);
}

function add(counts: Float64Array, at: number, by: number): void {
  counts[at] = (counts[at] ?? 0) + by;
}

function zeros<Name extends string>(names: readonly Name[]): Record<Name, number> {
  return record(names, () => 0);
}

function record<Name extends string>(
  names: readonly Name[],
  value: (name: Name, at: number) => number,
): Record<Name, number> {
  const made = {} as Record<Name, number>;
  names.forEach((name, at) => {
    made[name] = value(name, at);
  });
  return made;
}
