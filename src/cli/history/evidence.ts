import { defaults } from '../../defaults.ts';
import { isOutage, StoreError } from '../../errors.ts';
import type { LogLine } from '../../logs/server-log.ts';
import type { FleetEvent } from '../../model/event.ts';
import type { FleetView } from '../../model/fleet-view.ts';
import type { ServerRecord } from '../../model/server-record.ts';
import type { RequestNote } from '../../proxy/request-notes.ts';
import type { Context } from '../context/context.ts';
import { notesOfDoors } from './door-notes.ts';
import { saySkipped } from './print-events.ts';

/** All that there is to answer from. */
export interface Evidence {
  /** Oldest first; none while Redis is away. */
  readonly events: readonly FleetEvent[];
  readonly fleet: Pick<FleetView, 'servers' | 'desiredServers' | 'doors'>;
  /** What this host's doors remember, newest first. */
  readonly notes: readonly RequestNote[];
  /** Why there are no events and no fleet; null where there are. */
  readonly outage: StoreError | null;
  /** The name of this host, which goes without saying. */
  readonly here: string;
  /** Whether the process of a server of this host is gone, whatever Redis says. */
  isGoneHere(record: ServerRecord): boolean;
  /** How its process ended, by its log here; null where that does not tell. */
  howEnded(id: string): string | null;
  /** Whether this host has a log of that server. */
  hasLog(id: string): boolean;
  /** The last lines of a server's log, those since a time (Unix ms) where one is given. */
  lastLines(id: string, count: number, since?: number): LogLine[];
}

const ALL = 1_000_000;
const nothing = { servers: [], desiredServers: new Map(), doors: [] };

/** Without Redis there are still the logs, and what a door here remembers. */
export async function gather(context: Context): Promise<Evidence> {
  const [{ events, fleet, outage }, processes, logs, notes] = await Promise.all([
    fromRedis(context).catch((error: unknown) => {
      if (!isOutage(error)) throw error;
      return { events: [], fleet: nothing, outage: error };
    }),
    processesHere(context),
    logsHere(context),
    notesOfDoors(context),
  ]);
  return { events, fleet, notes, outage, ...processes, ...logs };
}

function fromRedis(context: Context) {
  return context.withStore(async ({ store }) => {
    const onSkipped = saySkipped(context.output);
    const [events, fleet] = await Promise.all([
      store.events.read({ limit: ALL, onSkipped }).catch((error: unknown) => {
        if (!(error instanceof StoreError) || error.kind === 'unavailable') throw error;
        context.output.talk(`meowctl: no events can be read: ${error.message}. ${error.remedy}`);
        return [];
      }),
      store.registry.fleet(),
    ]);
    return { events, fleet, outage: null };
  });
}

async function processesHere({ config }: Context) {
  const { isAliveHere, isHere, thisMachine } = await import('../../process/identity.ts');
  const machine = thisMachine(config.home);
  return {
    here: machine.host,
    isGoneHere: (record: ServerRecord) => isHere(record, machine) && !isAliveHere(record, machine),
  };
}

async function logsHere({ config, output }: Context) {
  const [{ loggedIds, ServerLog }, { exitInLog }] = await Promise.all([
    import('../../logs/server-log.ts'),
    import('../../logs/exit-line.ts'),
  ]);
  const { home, namespace } = config;
  const ids = new Set(loggedIds(home, namespace, defaults.namespace));
  const onDenied = (path: string) => output.talk(`meowctl: skipped ${path}: permission denied`);
  return {
    hasLog: (id: string) => ids.has(id),
    howEnded: (id: string) => (ids.has(id) ? exitInLog(home, id) : null),
    lastLines(id: string, count: number, since?: number): LogLine[] {
      if (!ids.has(id)) return [];
      const log = new ServerLog(home, id, { from: 'end', logFiles: defaults.logFiles, onDenied });
      const from = since === undefined ? null : new Date(since).toISOString();
      const lines = log.last({ count, since: from, stream: null });
      log.close();
      return lines.sort((a, b) => (a.at < b.at ? -1 : 1)).slice(-count);
    },
  };
}
