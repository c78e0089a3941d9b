import { get } from 'node:http';
import { defaults } from '../config.ts';
import type { FleetView, Intent } from '../store/records.ts';
import { identify, isHere, isOfHost, isProcess, type Machine } from './process-identity.ts';

const HEALTH = '/healthz';
const MAX_ANSWER = 4_096;

/**
 * Whether a server of this host that is wanted is provably gone: this machine has been started
 * again since, or no process of that pid, start time and id lives; its lease does not count, it
 * runs on for seconds. And nobody answers by its id at its port.
 */
export async function isDead(
  id: string,
  intent: Intent,
  fleet: FleetView,
  machine: Machine,
): Promise<boolean> {
  const listing = fleet.servers.find(({ record }) => record.id === id);
  const claimed = listing?.record ?? { id, ...intent };
  if (!isOfHost(claimed, machine)) return false;
  if (isHere(claimed, machine) && isProcess(claimed, identify(claimed.pid))) return false;
  const path = listing?.record.health ?? intent.spec.health ?? HEALTH;
  const paths = new Set([path, HEALTH]);
  const answers = await Promise.all(
    [...paths].map((asked) => answersAs(id, intent.listenHost, claimed.port, asked)),
  );
  return !answers.includes(true);
}

/** Asks whoever has the port who it is. */
function answersAs(id: string, host: string, port: number, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(defaults.probeTimeoutMs);
    const asked = get({ host: reachable(host), port, path, agent: false, signal }, (answer) => {
      let text = '';
      answer.setEncoding('latin1').on('data', (piece: string) => {
        text += piece;
        if (text.length > MAX_ANSWER) answer.destroy();
      });
      answer.on('error', () => resolve(false));
      answer.on('close', () => resolve(text.includes(`"id":"${id}"`)));
    });
    asked.on('error', () => resolve(false));
  });
}

function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}
