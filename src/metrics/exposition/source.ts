import type { Overview } from '../../model/overview.ts';
import type { ServerRecord } from '../../model/server-record.ts';
import type { DoorFigures } from '../door-figures.ts';
import type { WorkersView } from '../workers-view.ts';

/** A server as the door sees it. */
interface SeenServer {
  readonly id: string;
  readonly state: 'usable' | 'doubtful' | 'draining' | 'out';
  readonly inflight: number;
}

/** All that one scrape tells of. */
export interface Scraped {
  readonly door: Pick<Overview['door'], 'id' | 'version'>;
  readonly counted: ReturnType<DoorFigures['snapshot']>;
  readonly servers: readonly SeenServer[];
  /** Those of the door; null where it is one process. */
  readonly workers?: WorkersView | null;
  /** What servers say of themselves, workers too. */
  readonly records: readonly ServerRecord[];
  readonly queue: Overview['queue'];
  readonly redis: Overview['redis'];
}
