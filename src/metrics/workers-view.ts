/** One of a door's workers, as it said last. */
export interface WorkerView {
  /** From 1 on; one that takes another's place takes its number too. */
  readonly slot: number;
  readonly pid: number;
  /** `leaving`: another serves in its place, and it finishes what it has. */
  readonly state: 'starting' | 'serving' | 'leaving';
  readonly connections: number;
  readonly usage: WorkerUsage;
}

export interface WorkerUsage {
  readonly cpuMs: number;
  readonly rss: number;
  readonly heap: number;
  /** Null where that cannot be told. */
  readonly files: number | null;
}

/** The workers of one door. */
export interface WorkersView {
  readonly workers: readonly WorkerView[];
  /** CPU time of those that are gone. */
  readonly pastCpuMs: number;
  /** How many ended that were not told to. */
  readonly deaths: number;
}
