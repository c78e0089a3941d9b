import { troubleInWords } from '../expected-errors.ts';
import { type Background, repeat } from '../loop.ts';
import {
  type AskLimits,
  answeredWith,
  ask,
  type HealthPage,
  isWell,
  type Said,
} from './ask-app.ts';

export interface HealthLimits extends AskLimits {
  /** How often it looks. */
  readonly healthIntervalMs: number;
  /** So many bad looks in a row say that it fails. */
  readonly healthFailuresToFail: number;
}

export interface AppHealthDeps {
  page(): HealthPage;
  /** How many answers clients got from it so far. */
  answers(): number;
  /** It began to fail, for another reason than before, or is well again. */
  onChange(): void;
  log(line: string): void;
  /** Monotonic; the process' own when left out. */
  nowMs?(): number;
}

/** Null where the app has no page of health. */
export function watchApp(
  { page }: { page?(): HealthPage },
  deps: Omit<AppHealthDeps, 'page'>,
  limits: HealthLimits,
): AppHealth | null {
  if (!page) return null;
  const { log, onChange } = deps;
  const told = () => {
    const { why } = health;
    log(why ? `the app ${why}: doors send it no more requests` : 'the app is well again');
    onChange();
  };
  const health: AppHealth = new AppHealth({ ...deps, page, onChange: told }, limits);
  return health;
}

/** Longer than three looks, so that a request without an answer counts as bad in each of them. */
const LOOKS_AN_ASK = 4;

/**
 * Whether an app answers, judged by its health page and its clients: it fails after three bad looks
 * in a row. A missing answer is a bad look only if no client was answered meanwhile either: an app that
 * is slow does not hang.
 */
export class AppHealth {
  readonly #deps: AppHealthDeps;
  readonly #limits: HealthLimits;
  readonly #nowMs: () => number;
  #looks: Background | null = null;
  #why: string | null = null;
  #bad = 0;
  #asking = false;
  #answers = 0;
  #lookedMs: number;

  constructor(deps: AppHealthDeps, limits: HealthLimits) {
    this.#deps = deps;
    this.#limits = limits;
    this.#nowMs = deps.nowMs ?? (() => performance.now());
    this.#lookedMs = this.#nowMs();
  }

  /** Why it fails; null while it is well. */
  get why(): string | null {
    return this.#why;
  }

  start(): void {
    this.#looks ??= repeat({
      name: 'health',
      every: () => this.#limits.healthIntervalMs,
      work: () => this.#look(),
      log: this.#deps.log,
      unref: true,
    });
  }

  stop(): void {
    void this.#looks?.stop();
  }

  #look(): void {
    const nowMs = this.#nowMs();
    const slept = nowMs - this.#lookedMs > 2 * this.#limits.healthIntervalMs;
    const answers = this.#deps.answers();
    const isAlive = answers !== this.#answers;
    this.#lookedMs = nowMs;
    this.#answers = answers;
    if (!this.#asking) this.#ask().catch((error: unknown) => this.#tell(error));
    else if (isAlive) this.#bad = 0;
    else if (!slept) this.#sayBad(this.#page(null));
  }

  async #ask(): Promise<void> {
    const page = this.#deps.page();
    const answers = this.#deps.answers();
    this.#asking = true;
    const said = await ask(page, this.#limits, LOOKS_AN_ASK * this.#limits.healthIntervalMs);
    this.#asking = false;
    if (isWell(said, page.status)) this.#sayGood();
    else if (said.status === null && this.#deps.answers() !== answers) this.#bad = 0;
    else this.#sayBad(this.#page(said));
  }

  // It asks for longer than a look takes.
  #tell(error: unknown): void {
    this.#asking = false;
    this.#deps.log(`health: ${troubleInWords(error)}`);
  }

  #page(said: Said | null): string {
    const { path, status } = this.#deps.page();
    const answer = said?.status ?? null;
    return answer === null
      ? `does not answer GET ${path}`
      : `answers ${answeredWith(path, answer, status)}`;
  }

  #sayGood(): void {
    this.#bad = 0;
    this.#set(null);
  }

  #sayBad(why: string): void {
    this.#bad += 1;
    if (this.#bad >= this.#limits.healthFailuresToFail) this.#set(why);
  }

  #set(why: string | null): void {
    if (this.#why === why) return;
    this.#why = why;
    this.#deps.onChange();
  }
}
