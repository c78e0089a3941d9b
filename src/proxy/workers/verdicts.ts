import { keyOf, PoisonList } from '../exchange/poison.ts';
import { RetryBudget } from '../exchange/retry-policy.ts';
import type { DoorOptions } from '../options.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import type { SharedPool } from './shared-pool.ts';
import type { WorkerHandle } from './worker-handle.ts';

export interface VerdictsDeps {
  readonly pool: Pick<SharedPool, 'get'>;
  /** To every worker. */
  tellAll(message: ToWorker): void;
  say(line: string): void;
}

type Broke = Extract<FromWorker, { is: 'broke' }>;

/** The door's list of poison and its retry budget: whether a request that failed is tried again. */
export class Verdicts {
  readonly poison: PoisonList;
  readonly #deps: VerdictsDeps;
  readonly #budget: RetryBudget;

  constructor(deps: VerdictsDeps, options: DoorOptions) {
    this.#deps = deps;
    const dropped = (target: string) => deps.tellAll({ do: 'clear', target });
    this.poison = new PoisonList(options, deps.say, dropped);
    this.#budget = new RetryBudget(options);
  }

  count(requests: number): void {
    this.#budget.count(requests);
  }

  turn(): void {
    this.#budget.turn();
  }

  judge({ process, broken }: WorkerHandle, { question, breaking, decision }: Broke): void {
    const { server: id, method, path, repeated, state = 'failed' } = breaking;
    broken.add(id);
    const upstream = this.#deps.pool.get(id) ?? { id, state, probeSoon: true };
    upstream.probeSoon = true;
    const poison = this.poison.broke({ method, path, upstream, repeated }, performance.now());
    const target = keyOf(method, path);
    if (this.poison.has(target)) this.#deps.tellAll({ do: 'suspect', target });
    const again = !poison && (decision ?? this.#budget.spend());
    process.send({ do: 'verdict', question, poison, again });
  }

  /** A worker has had an answer to it. */
  answered(target: string): void {
    this.poison.forget(target);
    this.#deps.tellAll({ do: 'clear', target });
  }
}
