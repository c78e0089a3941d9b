import type { OpenFront } from '../door.ts';
import { Front } from './front.ts';
import type { StartWorker } from './messages.ts';

/** The workers of one door. */
export interface Workers {
  readonly open: OpenFront;
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
  let front: Front | null = null;
  return {
    open(deps, options) {
      front = new Front(wanted, deps, options);
      return front;
    },
    roll: () => void front?.roll(),
  };
}
