import type { FleetVerbs } from '../../admin/changes/change-routes.ts';
import type { Outcome, Progress } from '../../admin/changes/run-change.ts';
import { toMeowError } from '../../errors.ts';
import type { FleetChange } from '../../overview/consequences.ts';
import { plain } from '../../text.ts';
import type { Signs } from '../progress/marks.ts';
import type { Line } from '../progress/region.ts';
import { ServerLines } from '../progress/server-lines.ts';

interface RunningChange {
  readonly steps: ServerLines;
  lines: readonly Line[];
  /** Null while it goes on. */
  endedMs: number | null;
}

export interface RunningChangesOptions {
  readonly signs: Signs;
  nowMs(): number;
  /** Something about them is new. */
  onNews(): void;
  say(line: string): void;
}

/** Lines of one change that is running. */
const MOST_LINES = 4;
const MOST_SHOWN = 6;
/** How long the outcome of a change is shown. */
const SHOWN_MS = 15_000;

/** What is being changed from here. */
export class RunningChanges {
  readonly #verbs: FleetVerbs;
  readonly #options: RunningChangesOptions;
  readonly #all = new Set<RunningChange>();
  readonly #going = new Set<Promise<void>>();
  readonly #stopping = new AbortController();

  constructor(verbs: FleetVerbs, options: RunningChangesOptions) {
    this.#verbs = verbs;
    this.#options = options;
  }

  begin(wanted: FleetChange): void {
    const { signs, nowMs } = this.#options;
    const show = (lines: readonly Line[]) => {
      if (change.endedMs === null) change.lines = lines;
      this.#options.onNews();
    };
    const screen = {
      room: MOST_LINES,
      show,
      leave: (_: readonly Line[], lines: readonly Line[]) => show(lines),
    };
    const steps = new ServerLines(screen, signs.marks, nowMs);
    const change: RunningChange = { steps, lines: [], endedMs: null };
    this.#all.add(change);
    const going = this.#go(wanted, change).finally(() => this.#going.delete(going));
    this.#going.add(going);
  }

  lines(): readonly Line[] {
    const nowMs = this.#options.nowMs();
    for (const change of this.#all) {
      if (change.endedMs !== null && nowMs - change.endedMs > SHOWN_MS) this.#all.delete(change);
    }
    return [...this.#all].flatMap(({ lines }) => lines).slice(-MOST_SHOWN);
  }

  /** How long what goes on has taken by now. */
  tick(): void {
    for (const { steps, endedMs } of this.#all) if (endedMs === null) steps.draw();
  }

  isGoing(): boolean {
    return this.#going.size > 0;
  }

  /** What goes on is interrupted, as a verb by Ctrl-C; resolves when all have ended. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#going);
  }

  async #go(wanted: FleetChange, change: RunningChange): Promise<void> {
    const { signs } = this.#options;
    const { steps } = change;
    const progress = { steps, say: this.#options.say, signal: this.#stopping.signal };
    try {
      const outcome = await run(this.#verbs, wanted, progress);
      this.#end(change, outcomeLines(outcome, signs));
    } catch (error) {
      this.#end(change, outcomeLines({ summary: '', failed: [toMeowError(error)] }, signs));
    }
  }

  #end(change: RunningChange, lines: readonly Line[]): void {
    change.endedMs = this.#options.nowMs();
    change.lines = lines;
    this.#options.onNews();
  }
}

function run(verbs: FleetVerbs, wanted: FleetChange, progress: Progress): Promise<Outcome> {
  switch (wanted.verb) {
    case 'spawn':
      return verbs.spawn(wanted.count, progress);
    case 'scale':
      return verbs.scale(wanted.count, progress);
    case 'restart':
      return verbs.restart(wanted.id === null ? [] : [wanted.id], progress);
    case 'destroy':
      // Whether it was the last one was said before.
      return verbs.destroy(wanted.id, true, progress);
  }
}

function outcomeLines({ summary, failed }: Outcome, { marks }: Signs): Line[] {
  const done: Line = [{ text: marks.done, tone: 'good' }, { text: ` ${plain(summary)}` }];
  const failures = failed.map(
    ({ message, remedy }): Line => [
      { text: marks.failed, tone: 'bad' },
      { text: ` ${plain(message)}. ${plain(remedy)}` },
    ],
  );
  return [...(summary === '' ? [] : [done]), ...failures];
}
