import { troubleInWords } from '../../expected-errors.ts';
import { askHealth } from '../../health/ask-health.ts';
import { MAX_HEALTH_BYTES } from '../../health/endpoint.ts';
import { repeat } from '../../loop.ts';
import { reason } from '../../text.ts';
import { isVacant } from './failure.ts';
import type { UpstreamPool } from './pool.ts';
import type { UpstreamState } from './states.ts';
import { hostname, isRoutable, type Upstream } from './upstream.ts';

export interface ProbeOptions {
  readonly probeMs: number;
  readonly probeTimeoutMs: number;
  /** The door's Via: if the address is a door's, it refuses instead of passing the probe on. */
  readonly via: string;
}

/** The states that a good or bad answer may change. */
const PROBED: ReadonlySet<UpstreamState> = new Set(['suspect', 'unverified', 'conflict', 'failed']);
const OK = 200;
const UNAVAILABLE = 503;

/** Probes every server that is suspect or ejected, now and then every `probeMs`. */
export interface Prober {
  /** Probes at once all that need it and are not being probed. */
  round(): void;
  stop(): void;
}

export function createProber(
  pool: UpstreamPool,
  options: ProbeOptions,
  log: (line: string) => void,
): Prober {
  const round = () => {
    for (const upstream of pool.all()) {
      if (needsProbe(upstream) && !upstream.probing) {
        probeOne(upstream).catch((error: unknown) => log(`health check: ${troubleInWords(error)}`));
      }
    }
  };
  const probeOne = async (upstream: Upstream) => {
    upstream.probing = true;
    upstream.askedMs = performance.now();
    const result = await probe(upstream, options).finally(() => {
      upstream.probing = false;
    });
    upstream.tally.probes[result.kind] += 1;
    pool.probed(upstream, result);
  };
  const every = () => options.probeMs;
  const rounds = repeat({ name: 'health checks', every, work: round, log, unref: true });
  return { round, stop: () => void rounds.stop() };
}

function needsProbe({ state, probeSoon }: Upstream): boolean {
  return state === 'healthy' ? probeSoon : PROBED.has(state);
}

/** Asks one server for its health, on a connection of its own. Never rejects. */
async function probe(upstream: Upstream, options: ProbeOptions): Promise<ProbeResult> {
  const answer = await askHealth({
    host: hostname(upstream),
    port: upstream.port,
    path: upstream.health,
    headers: { via: options.via },
    withinMs: options.probeTimeoutMs,
    maxBodyBytes: MAX_HEALTH_BYTES,
  });
  if ('status' in answer) return judge(upstream, answer.status, answer.body);
  const { problem, error } = answer;
  if (problem === 'silent') return { kind: 'silent', why: error.message };
  return { kind: isVacant(error) ? 'vacant' : 'bad', why: reason(error) };
}

/** What a server's answer about its health says of it. */
export function judge({ id, failing }: Upstream, status: number, text: string): ProbeResult {
  const answer = parse(text);
  if (answer === null || typeof answer.id !== 'string') {
    return { kind: 'nameless', why: `its health check answered ${status} without its id` };
  }
  if (answer.id !== id) return { kind: 'stranger', why: 'another server answers at its address' };
  if (status === OK) return { kind: 'good' };
  if (status === UNAVAILABLE && answer.state === 'draining') return { kind: 'draining' };
  const why = failing === null ? `its health check answered ${status}` : `its app ${failing}`;
  return { kind: 'bad', why };
}

function parse(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/**
 * What asking a server for its health showed. `vacant`: nobody listens there. `nameless`: the answer
 * told no id, as a server of ours always does. `stranger`: it told another. `silent`: no answer in time.
 */
export type ProbeResult = { readonly kind: 'good' } | { readonly kind: 'draining' } | BadProbe;

export interface BadProbe {
  readonly kind: 'bad' | 'silent' | 'vacant' | 'nameless' | 'stranger';
  readonly why: string;
}

/**
 * Whether a bad health check was one too many for the requests that wait there. Once it is out that is
 * asked once: what comes later comes as a last resort. One whose port is empty may be finishing them.
 */
export function isGivenUp(upstream: Upstream, kind: BadProbe['kind'], enough: number): boolean {
  if (isRoutable(upstream)) return kind === 'stranger' || upstream.badProbes >= enough;
  return kind !== 'vacant' && upstream.badProbes === enough;
}
