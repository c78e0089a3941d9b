import { type Background, repeat } from '../loop.ts';
import type { ClientSide } from './clients/client-side.ts';
import type { EngineServer } from './config/backend-config.ts';
import type { EngineOptions } from './config/engine-options.ts';
import { Introductions } from './introductions.ts';
import { Link, type LinkDeps } from './link.ts';
import { isWanted, type Member } from './rotation.ts';
import { parseStat, type StatRow } from './runtime/stat-rows.ts';
import { type Judged, judgeServers } from './server-checks.ts';
import { settle } from './settle.ts';

export interface ControllerDeps extends Judged, LinkDeps {
  readonly clients: Pick<ClientSide, 'settle'>;
  /** @returns why a server gets no request yet; null where it may have one */
  doubtOf(member: Member): Promise<string | null>;
  /** Servers came in, or are out. */
  onSettled(): void;
  /** What HAProxy has counted, about once a second. */
  onStats(rows: readonly StatRow[]): void;
}

const SECOND_MS = 1_000;

/** Brings one HAProxy to what the rotation says, again and again, and starts it again when it dies. */
export class Controller {
  readonly #deps: ControllerDeps;
  readonly #options: EngineOptions;
  readonly #introductions: Introductions;
  readonly #link: Link;
  #rounds: Background | null = null;
  #countedMs = Number.NEGATIVE_INFINITY;
  #writtenMs = Number.NEGATIVE_INFINITY;

  constructor(deps: ControllerDeps, options: EngineOptions) {
    const soon = () => this.soon();
    this.#deps = deps;
    this.#options = options;
    this.#introductions = new Introductions(deps.doubtOf, soon);
    this.#link = new Link(deps, options, soon);
  }

  /**
   * Takes over the HAProxy that runs; call it before the registry is read. Whom its checks have taken
   * out is not taken over: somebody else may be there.
   */
  async adopt(): Promise<void> {
    const states = await this.#link.adopt();
    const isUsed = ({ id }: { id: string }) => this.#deps.list.isOn(id);
    this.#deps.rotation.adopt((states ?? []).filter((one) => isUsed(one) && !one.isDown));
  }

  /** HAProxy serves from then on, with all that is known and verified. */
  async open(): Promise<void> {
    await this.#introductions.askAll(this.#deps.rotation.members());
    await this.#keepAlive();
    await this.#link.loadAnew(this.#wanted());
    await this.#settle();
    this.#rounds = repeat({
      name: 'haproxy',
      every: () => this.#options.engineWatchMs,
      work: () => this.#round(),
      log: this.#deps.log,
    });
  }

  soon(): void {
    this.#rounds?.soon();
  }

  /** Looks after it no more; it goes on. */
  async handOver(): Promise<void> {
    await this.#rounds?.stop();
    this.#link.close();
  }

  /** Leaves what it found as it is, and ends what it started. */
  async giveUp(): Promise<void> {
    if (this.#link.startedHere) await this.close(0);
    else await this.handOver();
  }

  async close(deadlineMs: number): Promise<void> {
    await this.#rounds?.stop();
    await this.#link.stop(deadlineMs);
    this.#link.close();
  }

  async #round(): Promise<void> {
    void this.#introductions.askAll(this.#deps.rotation.members());
    await this.#keepAlive();
    await this.#settle();
    const nowMs = performance.now();
    if (nowMs - this.#countedMs >= SECOND_MS) await this.#count();
    if (nowMs - this.#writtenMs < this.#options.engineFileMs) return;
    this.#writtenMs = nowMs;
    this.#deps.haproxy.keepNote();
    await this.#deps.config.writeServers(this.#wanted());
  }

  #wanted(): EngineServer[] {
    return this.#deps.rotation.members().filter((one) => isWanted(one) && one.down === null);
  }

  async #keepAlive(): Promise<void> {
    if (this.#link.isThere || (await this.#link.isBack())) return;
    this.#deps.rotation.forgetChecks();
    await this.#link.start(this.#wanted());
  }

  async #settle(): Promise<void> {
    const { list, rotation, clients, onSettled } = this.#deps;
    const beforeUse = () => {
      const wanted = rotation.members().filter(isWanted);
      return clients.settle(
        this.#link.runtime,
        wanted.map(({ id }) => id),
      );
    };
    await beforeUse();
    // What they have counted goes with them.
    const beforeRemoval = () => this.#count();
    const changes = await settle(this.#link.runtime, { list, rotation, beforeUse, beforeRemoval });
    if (changes > 0) onSettled();
  }

  async #count(): Promise<void> {
    this.#countedMs = performance.now();
    const rows = parseStat(await this.#link.runtime.ask('show stat'));
    judgeServers(rows, this.#deps);
    this.#deps.onStats(rows);
  }
}
