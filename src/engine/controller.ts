import { FailedError } from '../errors.ts';
import { type Background, repeat } from '../loop.ts';
import type { EngineServer } from './config/backend-config.ts';
import type { EngineOptions } from './config/engine-options.ts';
import { BACKEND } from './config/request-rules.ts';
import type { ConfigFiles } from './config-files.ts';
import { digest, type EngineNote } from './engine-files.ts';
import type { HaproxyProcess } from './haproxy-process.ts';
import { isUnknown, isWanted, type Member } from './rotation.ts';
import type { RuntimeSocket } from './runtime/runtime-socket.ts';
import { parseServerStates, parseStat, type StatRow } from './runtime/stat-rows.ts';
import { type Judged, judgeServers } from './server-checks.ts';

export interface ControllerDeps extends Judged {
  readonly doorId: string;
  readonly haproxy: HaproxyProcess;
  readonly config: ConfigFiles;
  /** @returns why a server gets no request yet; null where it may have one */
  doubtOf(member: Member): Promise<string | null>;
  /** @throws FailedError where somebody else has the door's port */
  mustBeFree(): Promise<void>;
  /** Servers came in, or are out. */
  onSettled(): void;
  /** What HAProxy has counted, about once a second. */
  onStats(rows: readonly StatRow[]): void;
  log(line: string): void;
}

const SECOND_MS = 1_000;

/** Brings one HAProxy to what the rotation says, again and again, and starts it again when it dies. */
export class Controller {
  readonly #deps: ControllerDeps;
  readonly #options: EngineOptions;
  readonly #asking = new Set<string>();
  #runtime: RuntimeSocket | null = null;
  #rounds: Background | null = null;
  #countedMs = Number.NEGATIVE_INFINITY;
  #writtenMs = Number.NEGATIVE_INFINITY;

  constructor(deps: ControllerDeps, options: EngineOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /**
   * Takes over the HAProxy that runs; call it before the registry is read.
   * @returns whether there was one
   */
  async adopt(): Promise<boolean> {
    const { haproxy, list, rotation } = this.#deps;
    if (!haproxy.running()) return false;
    const runtime = await haproxy.connect().catch(() => null);
    if (!runtime) return false;
    const states = parseServerStates(await runtime.ask(`show servers state ${BACKEND}`));
    list.found(states);
    rotation.adopt(states.filter(({ id }) => list.isOn(id)));
    this.#follow(runtime);
    return true;
  }

  /** HAProxy serves from then on, with all that is known and verified. */
  async open(): Promise<void> {
    const { rotation } = this.#deps;
    await Promise.all(
      rotation
        .members()
        .filter(isUnknown)
        .map((member) => this.#ask(member)),
    );
    await this.#keepAlive();
    await this.#loadAnew();
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
    this.#runtime?.close();
  }

  async close(deadlineMs: number): Promise<void> {
    await this.#rounds?.stop();
    await this.#deps.haproxy.stop(this.#runtime, deadlineMs);
    this.#runtime?.close();
  }

  async #round(): Promise<void> {
    for (const member of this.#deps.rotation.members().filter(isUnknown)) void this.#ask(member);
    await this.#keepAlive();
    await this.#settle();
    const nowMs = performance.now();
    if (nowMs - this.#countedMs >= SECOND_MS) await this.#count(nowMs);
    if (nowMs - this.#writtenMs >= this.#options.engineFileMs) {
      this.#writtenMs = nowMs;
      await this.#deps.config.writeServers(this.#wanted());
    }
  }

  async #ask(member: Member): Promise<void> {
    if (this.#asking.has(member.id)) return;
    this.#asking.add(member.id);
    const doubt = await this.#deps.doubtOf(member);
    this.#asking.delete(member.id);
    member.doubt = doubt ?? '';
    member.verified = doubt === null;
    if (member.verified) this.soon();
  }

  #wanted(): EngineServer[] {
    return this.#deps.rotation.members().filter((one) => isWanted(one) && one.down === null);
  }

  async #keepAlive(): Promise<void> {
    if (this.#runtime) return;
    const { haproxy, config, list, rotation, doorId, log, mustBeFree } = this.#deps;
    if (this.#rounds) log('HAProxy has ended: it is started again');
    await haproxy.sweep();
    if (!this.#rounds) await mustBeFree();
    rotation.forgetChecks();
    const servers = this.#wanted();
    await config.writeAll(servers);
    const runtime = await haproxy.start({ id: doorId, config: digest(config.door) });
    list.startedWith(servers);
    this.#follow(runtime);
  }

  /** One that was started with other flags, or by another version. */
  async #loadAnew(): Promise<void> {
    const { haproxy, config, list } = this.#deps;
    const note = haproxy.running();
    const now = digest(config.door);
    if (!note || !this.#runtime || note.config === now) return;
    const servers = this.#wanted();
    await config.writeAll(servers);
    const before = this.#runtime;
    const told: EngineNote = { ...note, config: now };
    this.#follow(await haproxy.reload(before, told));
    before.close();
    list.startedWith(servers);
  }

  #follow(runtime: RuntimeSocket): void {
    this.#runtime = runtime;
    runtime.onEnd(() => {
      if (this.#runtime !== runtime) return;
      this.#runtime = null;
      this.soon();
    });
  }

  async #settle(): Promise<void> {
    const runtime = this.#alive();
    const changes = (await this.#takeOut(runtime)) + (await this.#bringIn(runtime));
    if (changes > 0) this.#deps.onSettled();
  }

  /** @returns how many get no more requests from now on */
  async #takeOut(runtime: RuntimeSocket): Promise<number> {
    const { list, rotation } = this.#deps;
    let out = 0;
    for (const id of list.ids()) {
      const member = rotation.one(id);
      const isIt = member !== null && list.has(member);
      if (list.isOn(id) && !(isIt && isWanted(member))) {
        await list.takeOut(runtime, id);
        out += 1;
      }
      if (!isIt) await list.remove(runtime, id);
    }
    return out;
  }

  /** @returns how many get requests from now on */
  async #bringIn(runtime: RuntimeSocket): Promise<number> {
    const { list, rotation } = this.#deps;
    // One whose old address still has requests waits until that is gone.
    const isFree = (member: Member) => list.has(member) || !list.ids().includes(member.id);
    const missing = rotation
      .members()
      .filter((member) => isWanted(member) && !list.isOn(member.id) && isFree(member));
    for (const member of missing) await list.bringIn(runtime, member);
    return missing.length;
  }

  async #count(nowMs: number): Promise<void> {
    this.#countedMs = nowMs;
    const rows = parseStat(await this.#alive().ask('show stat'));
    judgeServers(rows, this.#deps);
    this.#deps.onStats(rows);
  }

  #alive(): RuntimeSocket {
    if (this.#runtime) return this.#runtime;
    throw new FailedError('engine-gone', 'HAProxy has ended', 'It is started again');
  }
}
