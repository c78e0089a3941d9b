import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isatty } from 'node:tty';
import { defaults } from '../../defaults.ts';
import { FailedError } from '../../errors.ts';
import { isOfSystem } from '../../expected-errors.ts';
import type { SocketName } from '../../handover/conversation.ts';
import { type Offered, offerTakeOver } from '../../handover/offer.ts';
import { INIT_PID, identify, inOurGroup } from '../../process/identity.ts';
import { socketPath } from '../../state/socket-path.ts';
import { removeFile } from '../../state/whole-file.ts';
import { systemReason } from '../../text.ts';
import type { Context } from '../context/context.ts';
import type { OpenedDoor } from './opened-door.ts';
import { helperOf, startAnew } from './successor.ts';

/** How a running door, or `up`, is taken over. */
export interface HandOver {
  /** Aborted when somebody else has all of it. */
  readonly taken: AbortSignal;
  /** Nobody takes over from here on; resolves once nothing is let go or taken back any more. */
  close(): Promise<void>;
}

export interface HandedOver {
  readonly door: OpenedDoor;
  /** Sockets that came from elsewhere. */
  readonly inherited: readonly SocketName[];
  /** Lets go of what only one may hold. */
  release(): Promise<void>;
  /** Takes it back and goes on; false where somebody else holds it. */
  reclaim(): Promise<boolean>;
}

/** The place to be taken over by; its socket is bound once there is something to hand over. */
export class Renewal {
  readonly #context: Context;
  readonly #kind: 'up' | 'proxy';
  /** Null where the state folder can hold no socket: then nobody takes over. */
  #path: string | null = null;

  constructor(context: Context, kind: 'up' | 'proxy') {
    this.#context = context;
    this.#kind = kind;
  }

  /** What is noted of it, once the state folder is there. */
  place(): { readonly handOver?: string } {
    this.#path = placeFor(this.#context, this.#kind);
    return this.#path === null ? {} : { handOver: this.#path };
  }

  /** From here on somebody may take over. */
  async offer(handed: HandedOver): Promise<HandOver> {
    const { output, process: proc, version } = this.#context;
    const taken = new AbortController();
    this.#listenForHangUp(handed.door, taken.signal);
    if (this.#path === null) return { taken: taken.signal, async close() {} };
    const offered: Offered = {
      about: () => ({
        ...{ pid: proc.pid, version, places: handed.door.places, inherited: handed.inherited },
      }),
      socket: handed.door.socket,
      refusal: (pid) => this.#refusal(pid),
      release: handed.release,
      reclaim: handed.reclaim,
      taken(pid: number) {
        output.talk(`process ${pid} has taken over: this one finishes its requests, and ends`);
        taken.abort();
      },
      log: (line: string) => output.talk(`meowctl: ${line}`),
    };
    const settings = { helper: helperOf(this.#context), reclaimMs: defaults.handOverAnswerMs };
    const offer = await offerTakeOver(this.#path, offered, settings).catch((error: unknown) => {
      // A file system may have no sockets: it serves all the same.
      if (!isOfSystem(error)) throw error;
      output.talk(`meowctl: --take-over will not find this one: ${systemReason(error)}`);
      return { async close() {} };
    });
    return { taken: taken.signal, close: offer.close };
  }

  /**
   * SIGHUP starts the same command line anew, which then takes over; where there is a terminal, it says
   * that this is closed: a shell that ends tells its jobs before.
   */
  #listenForHangUp({ roll }: OpenedDoor, taken: AbortSignal): void {
    if (roll) this.#context.atHangUp(roll);
    else if (![0, 1, 2].some((fd) => isatty(fd))) {
      this.#context.atHangUp(() => this.#startSuccessor(taken));
    }
  }

  #refusal(asker: number) {
    const { config, process: proc } = this.#context;
    if (proc.pid === INIT_PID) return firstProcess();
    return config.notifies && !inOurGroup(asker) ? ofSystemd() : null;
  }

  #startSuccessor(taken: AbortSignal): void {
    const { output } = this.#context;
    if (taken.aborted) return;
    const failed = (how: string) => {
      if (!taken.aborted) output.talk(`meowctl: it was not replaced, and goes on: ${how}`);
    };
    try {
      void startAnew(this.#context).then(() => failed('its successor ended'));
    } catch (error) {
      if (!(error instanceof FailedError)) throw error;
      failed(`${error.message}. ${error.remedy}`);
    }
  }
}

/** @returns null, and says so, where there can be none */
function placeFor({ config, process: proc, output }: Context, kind: 'up' | 'proxy') {
  const name = `${kind}-${proc.pid}-${randomBytes(4).toString('hex')}`;
  try {
    const path = socketPath(config.home, `hand-over/${name}`);
    sweep(dirname(path));
    return path;
  } catch (error) {
    if (!(error instanceof FailedError) && !isOfSystem(error)) throw error;
    const why = error instanceof FailedError ? error.message : systemReason(error);
    output.talk(`meowctl: --take-over will not find this one: ${why}`);
    return null;
  }
}

/** Sockets of those that were killed. */
function sweep(folder: string): void {
  for (const name of readdirSync(folder)) {
    const [, pid] = /^(?:up|proxy)-(\d+)-[0-9a-f]+$/.exec(name) ?? [];
    if (pid !== undefined && identify(Number(pid)) === null) removeFile(join(folder, name));
  }
}

function firstProcess() {
  const message = 'it is the first process of its container, which would end with it';
  return { message, remedy: 'Start a new container, and end this one then' };
}

function ofSystemd() {
  const message = 'it is a service of systemd, which would end its servers with it';
  return { message, remedy: 'Use `systemctl reload` with the name of its unit' };
}
