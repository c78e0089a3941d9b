/** What was asked of the fleet over the admin listener, and what has become of it so far. */
export interface Change {
  readonly id: string;
  readonly verb: ChangeVerb;
  readonly asked: ChangeAsked;
  /** Name of the host it is done on: the door's own. */
  readonly host: string;
  readonly state: 'running' | 'done' | 'failed';
  /** Unix ms on the door's host. */
  readonly at: number;
  readonly endedAt: number | null;
  /** What goes on with each server, the last of each, in the order they came. */
  readonly steps: readonly ChangeStep[];
  /** What else there is to know, a sentence each. */
  readonly notes: readonly string[];
  /** What came of it, in words; '' while it runs. */
  readonly summary: string;
  readonly failures: readonly ChangeFailure[];
}

export type ChangeVerb = 'spawn' | 'destroy' | 'restart' | 'scale';

export interface ChangeAsked {
  readonly count?: number;
  readonly ids?: readonly string[];
  readonly force?: boolean;
}

export interface ChangeStep {
  readonly server: string;
  readonly state: 'now' | 'done' | 'failed';
  /** Words that may follow its id: `finishes its requests`. */
  readonly what: string;
}

/** What went wrong, and what to do about it. */
interface ChangeFailure {
  readonly message: string;
  readonly remedy: string;
}
