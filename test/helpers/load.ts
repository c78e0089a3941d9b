import { Agent, request } from 'node:http';
import { request as requestOverTls, Agent as TlsAgent } from 'node:https';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { until } from './until.ts';

export interface Load {
  /** How many were answered well so far. */
  good(): number;
  stop(): Promise<Loaded>;
}

interface Loaded {
  readonly sent: number;
  /** Statuses and errors of all that was not answered well. */
  readonly failures: readonly string[];
  readonly durationsMs: readonly number[];
}

export interface LoadOptions {
  readonly workers?: number;
  readonly method?: string;
  /** What comes behind the url in each request in turn. */
  readonly path?: (at: number) => string;
  /** What is well besides 200. */
  readonly allowed?: readonly number[];
  /** Between one answer and the next request of a worker. */
  readonly pauseMs?: number;
}

/** Leaves the machine to what the load is beside; all of chaos takes what it can get. */
const PAUSE_MS = process.env.MEOW_CHAOS === 'all' ? 0 : 10;

const MOST_AT_ONCE = 10;

/** Asks, request after request with a short pause, over a few kept connections, until it is stopped. */
export function keepAsking(url: string, options: LoadOptions = {}): Load {
  const {
    method = 'GET',
    workers = 4,
    path = () => '',
    allowed = [],
    pauseMs = PAUSE_MS,
  } = options;
  const well = new Set(['200', ...allowed.map(String)]);
  const kept = { keepAlive: true, maxSockets: workers };
  const agent = url.startsWith('https:')
    ? new TlsAgent({ ...kept, rejectUnauthorized: false })
    : new Agent(kept);
  const failures: string[] = [];
  const durationsMs: number[] = [];
  let going = true;
  let sent = 0;
  const loop = async () => {
    // A door is known to the fleet before it listens.
    await until('somebody listens', () => takesConnections(url));
    while (going) {
      const began = performance.now();
      const outcome = await ask(url + path(sent++), method, agent);
      durationsMs.push(performance.now() - began);
      if (!well.has(outcome)) failures.push(outcome);
      if (pauseMs > 0) await pause(pauseMs);
    }
  };
  const loops = Promise.all(Array.from({ length: workers }, loop));
  return {
    good: () => durationsMs.length - failures.length,
    async stop() {
      going = false;
      await loops;
      agent.destroy();
      return { sent, failures, durationsMs };
    },
  };
}

function takesConnections(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve) => {
    const socket = connect(Number(port), host, () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

/**
 * Asks so many times a second, each time over a connection of its own, whether or not those before are
 * answered.
 */
export function askSteadily(url: string, perSecond: number): Load {
  const failures: string[] = [];
  const durationsMs: number[] = [];
  const asked = new Set<Promise<void>>();
  const began = performance.now();
  let sent = 0;
  const one = async () => {
    const beganMs = performance.now();
    const outcome = await ask(url, 'GET', false);
    durationsMs.push(performance.now() - beganMs);
    if (outcome !== '200') failures.push(outcome);
  };
  const timer = setInterval(() => {
    const due = ((performance.now() - began) / 1_000) * perSecond;
    // Where this process itself stood still it does not make up for all of it.
    for (let more = 0; sent < due && more < MOST_AT_ONCE; more += 1) {
      sent += 1;
      const asking = one().finally(() => asked.delete(asking));
      asked.add(asking);
    }
    sent = Math.max(sent, Math.floor(due));
  }, 1_000 / perSecond);
  return {
    good: () => durationsMs.length - failures.length,
    async stop() {
      clearInterval(timer);
      await Promise.all(asked);
      return { sent, failures, durationsMs };
    },
  };
}

/** The status, or what went wrong. An answer that is cut off is an error. */
function ask(url: string, method: string, agent: Agent | false): Promise<string> {
  return new Promise((resolve) => {
    const asking = agent instanceof TlsAgent ? requestOverTls : request;
    const asked = asking(url, { method, agent }, (answer) => {
      answer.on('error', (error) => resolve(error.message));
      answer.on('end', () => resolve(String(answer.statusCode)));
      answer.resume();
    });
    asked.on('error', (error) => resolve(error.message));
    asked.end();
  });
}

/** The value that this part of them is not above. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}
