import type { OpenListener } from '../door.ts';
import type { StartWorker } from './messages.ts';
import { Primary } from './primary.ts';

/** The workers of one door. */
export interface Workers {
  readonly open: OpenListener;
  /** Replaces them by others, from what is on the disk now; no request fails. */
  roll(): void;
}

export interface WorkersWanted {
  readonly count: number;
  readonly start: StartWorker;
  /** Whether they write a line for each request. */
  readonly accessLog: boolean;
}

/** Lets clients in through several processes. */
export function createWorkers(wanted: WorkersWanted): Workers {
  let primary: Primary | null = null;
  return {
    open(deps, options) {
      primary = new Primary(wanted, deps, options);
      return primary;
    },
    roll: () => void primary?.roll(),
  };
}
