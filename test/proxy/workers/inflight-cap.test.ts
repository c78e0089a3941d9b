import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Upstream } from '../../../src/proxy/upstream/upstream.ts';
import { createUpstream } from '../../../src/proxy/upstream/upstream.ts';
import { InflightCap } from '../../../src/proxy/workers/inflight-cap.ts';
import type { ToWorker } from '../../../src/proxy/workers/messages.ts';
import { Places } from '../../../src/proxy/workers/shared-client.ts';
import { WorkerHandle } from '../../../src/proxy/workers/worker-handle.ts';

const SERVERS = ['aaaaaa', 'bbbbbb'];

/** Both sides of the channel: what is sent arrives when it is delivered, in its order. */
class Side {
  readonly worker: WorkerHandle;
  readonly upstreams: Upstream[];
  readonly answers: boolean[] = [];
  readonly #cap: number;
  readonly #shared: InflightCap;
  readonly #places: Places;
  readonly #down: ToWorker[] = [];
  readonly #up: (() => void)[] = [];

  constructor(slot: number, cap: number, shared: InflightCap) {
    const send = (message: ToWorker) => void this.#down.push(message);
    this.worker = new WorkerHandle(slot, { pid: slot, send, destroy() {} });
    this.#cap = cap;
    this.#shared = shared;
    this.#places = new Places(cap);
    this.upstreams = SERVERS.map((id) => createUpstream(id, 'http://127.0.0.1:1', {} as never));
    this.#places.settle(this.upstreams);
  }

  /** @returns whether it had a place for one more request */
  begin(at: number): boolean {
    const upstream = this.#at(at);
    if (upstream.inflight + upstream.reserved >= this.#cap) return false;
    upstream.inflight += 1;
    return true;
  }

  end(at: number): void {
    const upstream = this.#at(at);
    upstream.inflight = Math.max(0, upstream.inflight - 1);
  }

  ask(question: number): void {
    this.#up.push(() => this.#shared.full(this.worker, question, SERVERS));
  }

  deliver(): void {
    for (const message of this.#down.splice(0)) {
      if (message.do === 'grant') this.#places.give(message.server, message.places, this.upstreams);
      if (message.do === 'answer') this.answers.push(message.yes);
      if (message.do !== 'recall') continue;
      const { server, recall } = message;
      const places = this.#places.takeBack(server, this.upstreams);
      this.#up.push(() => this.#shared.returned(this.worker, server, places, recall));
    }
    for (const act of this.#up.splice(0)) act();
  }

  #at(at: number): Upstream {
    return this.upstreams[at % SERVERS.length] as Upstream;
  }
}

function supervisor(cap: number, workers: number) {
  const shared = new InflightCap(cap, workers);
  const sides = Array.from({ length: workers }, (_, at) => new Side(at + 1, cap, shared));
  const cover = () => {
    for (const { worker } of sides) shared.cover(worker, SERVERS);
  };
  const deliverAll = () => {
    for (let round = 0; round < 4; round += 1) for (const side of sides) side.deliver();
  };
  cover();
  deliverAll();
  return { shared, sides, cover, deliverAll };
}

interface Step {
  readonly what: 'begin' | 'end' | 'ask' | 'deliver' | 'cover' | 'gone';
  readonly who: number;
  readonly at: number;
}

function take(
  { shared, sides, cover }: ReturnType<typeof supervisor>,
  cap: number,
  question: number,
  { what, who, at }: Step,
): void {
  const side = sides[who] as Side;
  if (what === 'begin') side.begin(at);
  else if (what === 'end') side.end(at);
  else if (what === 'ask') side.ask(question);
  else if (what === 'deliver') side.deliver();
  else if (what === 'cover') cover();
  else {
    shared.gone(side.worker);
    sides[who] = new Side(who + 1, cap, shared);
  }
}

test('whatever workers begin, end, ask and hear, together they never have more than the cap at a server', () => {
  const step: fc.Arbitrary<Step> = fc.record({
    what: fc.constantFrom('begin' as const, 'end', 'ask', 'deliver', 'cover', 'gone'),
    who: fc.nat(2),
    at: fc.nat(1),
  });
  const whatever = fc.array(step, { maxLength: 80 });
  const run = (cap: number, steps: readonly Step[]) => {
    const all = supervisor(cap, 3);
    for (const [question, one] of steps.entries()) {
      take(all, cap, question, one);
      for (const server of SERVERS.keys()) {
        const counts = all.sides.map(({ upstreams }) => upstreams[server]?.inflight ?? 0);
        expect(counts.reduce((sum, count) => sum + count)).toBeLessThanOrEqual(cap);
      }
    }
  };
  fc.assert(fc.property(fc.integer({ min: 1, max: 7 }), whatever, run));
});

test('one worker alone can have every place, also those of others that idle', () => {
  const { sides, deliverAll } = supervisor(7, 3);
  const [busy] = sides as [Side];
  let had = 0;
  for (let question = 0; question < 40; question += 1) {
    while (busy.begin(0)) had += 1;
    while (busy.begin(1)) had += 1;
    busy.ask(question);
    deliverAll();
  }
  expect(had).toBe(14);
  expect(busy.answers.at(-1)).toBe(false);
});

test('a worker that asks while another goes is answered all the same', () => {
  const { shared, sides, deliverAll } = supervisor(2, 2);
  const [first, second] = sides as [Side, Side];
  first.begin(0);
  first.begin(1);
  second.begin(0);
  second.begin(1);
  second.ask(0);
  second.deliver();
  shared.gone(first.worker);
  second.deliver();
  expect(second.answers).toEqual([true]);
  second.ask(1);
  second.deliver();
  deliverAll();
  expect(second.answers.at(-1)).toBe(true);
});
