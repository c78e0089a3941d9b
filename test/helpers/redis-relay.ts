import { randomBytes } from 'node:crypto';
import { connect, createServer, type Socket } from 'node:net';
import { RespCommands } from './resp-commands.ts';

/** What happens at the nth occurrence of a command on a connection. */
export interface Fault {
  /** As it stands on the wire, in capitals: HELLO, SELECT, SUBSCRIBE, EVAL. `*` is any. */
  readonly at: string;
  /** Counted on each connection, from when the fault was armed. Default 1. */
  readonly nth?: number;
  readonly kind: FaultKind;
  /** Only this connection meets it, as `made` counts. Default: each. */
  readonly connection?: number;
}

/**
 * `reset` and `end` cut the connection; `hold` lets nothing more through to Redis, for ever;
 * `delay` lets it through after 1.5 s; any other text is Redis' answer, such as `-NOPERM no`.
 */
export type FaultKind = 'reset' | 'end' | 'hold' | 'delay' | `-${string}`;

/** A Redis whose connections come to harm: a TCP relay that understands what clients ask. */
export interface RedisRelay {
  readonly port: number;
  /** From now on each connection meets it, those that are open too. */
  arm(fault: Fault): void;
  /** No more faults. What is held stays held. */
  heal(): void;
  /** How often the fault has happened since it was armed. */
  struck(): number;
  /** Resets what is open. */
  cut(): void;
  /** Nothing comes through either way on what is open, and nobody is told; new ones work. */
  freeze(): void;
  /** What Redis says comes so much later, ms. */
  slow(ms: number): void;
  /** New connections go there. */
  pointTo(port: number): void;
  /** Connections made so far. */
  made(): number;
  /** Connections that are open now, as the client sees it. */
  open(): number;
  /** Names of the commands of all connections so far, or of one. */
  heard(connection?: number): readonly string[];
  close(): void;
}

const DELAY_MS = 1_500;

export async function openRelay(target: number): Promise<RedisRelay> {
  const heard: { name: string; connection: number }[] = [];
  const open = new Set<Relayed>();
  let armed: Fault | null = null;
  let to = target;
  let struck = 0;
  let made = 0;
  let lateMs = 0;
  const deps = {
    lateMs: () => lateMs,
    fault: () => armed,
    onHeard: (name: string, connection: number) => void heard.push({ name, connection }),
    onStruck: () => void struck++,
  };
  const server = createServer((client) => {
    const relayed = new Relayed(client, connect(to, '127.0.0.1'), ++made, deps);
    open.add(relayed);
    client.once('close', () => open.delete(relayed));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const each = (act: (relayed: Relayed) => void) => [...open].forEach(act);
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    arm(fault) {
      armed = fault;
      struck = 0;
      each((relayed) => relayed.countAnew());
    },
    heal() {
      armed = null;
    },
    struck: () => struck,
    cut: () => each((relayed) => relayed.reset()),
    freeze: () => each((relayed) => relayed.freeze()),
    slow(ms) {
      lateMs = ms;
    },
    pointTo(port) {
      to = port;
    },
    made: () => made,
    open: () => open.size,
    heard: (connection) =>
      heard
        .filter((each) => connection === undefined || each.connection === connection)
        .map(({ name }) => name),
    close() {
      server.close();
      each((relayed) => relayed.reset());
    },
  };
}

interface RelayDeps {
  lateMs(): number;
  fault(): Fault | null;
  onHeard(name: string, connection: number): void;
  onStruck(): void;
}

/** One client's connection and the one to Redis behind it. */
class Relayed {
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #number: number;
  readonly #deps: RelayDeps;
  readonly #commands = new RespCommands();
  /** Replies to these are ours to write, in place of what Redis says of an unknown command. */
  readonly #answers = new Map<string, string>();
  #counts = new Map<string, number>();
  #waiting: Promise<void> = Promise.resolve();
  #frozen = false;
  #held = false;
  #rest = Buffer.alloc(0);

  constructor(client: Socket, upstream: Socket, number: number, deps: RelayDeps) {
    this.#number = number;
    this.#client = client;
    this.#upstream = upstream;
    this.#deps = deps;
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      socket.on('error', () => other.destroy());
      socket.on('close', () => this.#frozen || other.destroy());
    }
    client.on('data', (bytes) => {
      for (const command of this.#commands.read(bytes)) this.#queue(command);
    });
    upstream.on('data', (bytes) => {
      const lateMs = deps.lateMs();
      if (lateMs === 0) this.#answer(bytes);
      else setTimeout(() => this.#answer(bytes), lateMs);
    });
  }

  countAnew(): void {
    this.#counts = new Map();
  }

  reset(): void {
    this.#client.resetAndDestroy();
    this.#upstream.destroy();
  }

  freeze(): void {
    this.#frozen = true;
    this.#upstream.destroy();
  }

  // One after the other: what is delayed delays what comes after it.
  #queue({ name, bytes }: { name: string; bytes: Buffer }): void {
    this.#waiting = this.#waiting.then(() => this.#pass(name, bytes));
  }

  async #pass(name: string, bytes: Buffer): Promise<void> {
    if (this.#held || this.#frozen) return;
    this.#deps.onHeard(name, this.#number);
    const kind = this.#faultOf(name);
    if (kind === null) return void this.#upstream.write(bytes);
    this.#deps.onStruck();
    if (kind === 'reset') return this.reset();
    if (kind === 'end' || kind === 'hold') this.#held = true;
    if (kind === 'end') this.#client.end();
    else if (kind === 'hold') return;
    else if (kind === 'delay') await this.#later(bytes);
    else this.#refuse(kind);
  }

  #faultOf(name: string): FaultKind | null {
    const fault = this.#deps.fault();
    if (!fault || (fault.at !== '*' && fault.at !== name)) return null;
    if ((fault.connection ?? this.#number) !== this.#number) return null;
    const count = (this.#counts.get(fault.at) ?? 0) + 1;
    this.#counts.set(fault.at, count);
    return count === (fault.nth ?? 1) ? fault.kind : null;
  }

  async #later(bytes: Buffer): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, DELAY_MS));
    this.#upstream.write(bytes);
  }

  // Redis answers in order, and so must we: it is asked something it does not know instead.
  #refuse(answer: string): void {
    const token = `MEOW${randomBytes(12).toString('hex')}`;
    this.#answers.set(token, answer);
    this.#upstream.write(`*1\r\n$${token.length}\r\n${token}\r\n`);
  }

  #answer(bytes: Buffer): void {
    if (this.#frozen) return;
    this.#rest = Buffer.concat([this.#rest, bytes]);
    for (const [token, answer] of this.#answers) {
      const at = this.#rest.indexOf(token);
      if (at < 0) continue;
      const from = this.#rest.lastIndexOf('-ERR', at);
      const to = this.#rest.indexOf('\r\n', at);
      if (from < 0 || to < 0) return;
      this.#answers.delete(token);
      const parts = [this.#rest.subarray(0, from), Buffer.from(answer), this.#rest.subarray(to)];
      this.#rest = Buffer.concat(parts);
    }
    // An answer of ours may have begun, and more of it is to come.
    if (this.#answers.size > 0 && this.#rest.lastIndexOf('-ERR') >= 0) return;
    this.#client.write(this.#rest);
    this.#rest = Buffer.alloc(0);
  }
}
