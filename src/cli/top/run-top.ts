import { exitCodes, inTurn } from '../../errors.ts';
import { repeat } from '../../loop.ts';
import { monotonicClock } from '../../time/until.ts';
import type { Context, OpenStore } from '../context/context.ts';
import { aborted } from '../context/signals.ts';
import { paints } from '../output/paints.ts';
import { fleetVerbs } from '../up/fleet-verbs.ts';
import { Display } from './display.ts';
import { lettersFor } from './frame/letters.ts';
import { FullScreen } from './full-screen.ts';
import { watchInterruptions } from './interruptions.ts';
import { listenToKeys } from './keys.ts';
import { watchRecentEvents } from './recent-events.ts';
import { RunningChanges } from './running-changes.ts';
import type { SourcedOverview, Watch } from './source/watch.ts';
import { openForLook, watchFleet } from './watch-fleet.ts';

const TICK_MS = 500;

/** Shows the fleet on the whole terminal until `q`, or until it is told to stop. */
export async function runTop(context: Context): Promise<void> {
  const stopping = context.stopping();
  const open = await openForLook(context, true);
  let watch: Watch | null = null;
  try {
    const shown = await show(context, open);
    watch = shown.watch;
    await shown.until(stopping);
  } finally {
    context.output.divert(null);
    await inTurn([() => watch?.stop(), () => open.store.close()]);
  }
}

async function show(context: Context, open: OpenStore) {
  const { process: proc, output } = context;
  const letters = lettersFor(context.config.utf8);
  let display: Display | null = null;
  let first: SourcedOverview | null = null;
  const watch = await watchFleet(context, open, (sourced) => {
    first = sourced;
    display?.see(sourced);
  });
  if (!first) throw new Error('nothing was seen of the fleet');
  const ending = new AbortController();
  const recentEvents = watchRecentEvents(open.store.events, ending.signal, () => display?.soon());
  const changes = new RunningChanges(fleetVerbs(context, open, 'top'), {
    signs: letters.signs,
    nowMs: monotonicClock.nowMs,
    onNews: () => display?.soon(),
    say: (line) => display?.say(line),
  });
  const screen = await fullScreenOn(context, letters.signs.cut);
  const shown = { screen, letters, redis: open.store.label, changes };
  display = new Display(first, { ...shown, events: recentEvents.list, now: Date.now });
  const until = (stopping: AbortSignal) =>
    interact({
      proc,
      output,
      screen,
      display: display as Display,
      changes,
      ending,
      stopping,
    }).finally(() => recentEvents.over);
  return { watch, until };
}

async function fullScreenOn({ config: { color }, process: proc }: Context, cutMark: string) {
  const paint = color === 'never' ? (text: string) => text : await paints.tones();
  return new FullScreen({ stdin: proc.stdin, stdout: proc.stdout, paint, cutMark });
}

interface Interaction extends Pick<Context, 'output'> {
  readonly proc: NodeJS.Process;
  readonly screen: FullScreen;
  readonly display: Display;
  readonly changes: RunningChanges;
  /** Aborted once nothing is shown any more. */
  readonly ending: AbortController;
  readonly stopping: AbortSignal;
}

/** Has the terminal, from here to where it is given back, whatever happens in between. */
async function interact(all: Interaction): Promise<void> {
  const { proc, output, screen, display, changes, ending, stopping } = all;
  const quit = new AbortController();
  const { suspend, end } = watchInterruptions(proc, {
    enter: () => screen.enter(),
    leave: () => screen.leave(),
    redraw: () => display.redraw(),
  });
  const redraw = () => display.redraw();
  const tick = () => {
    changes.tick();
    display.draw();
  };
  output.divert((line) => display.say(line));
  proc.stdout.on('resize', redraw);
  screen.enter();
  display.draw();
  const rounds = repeat({ name: 'top', every: () => TICK_MS, work: tick, log: output.talk });
  const actions = {
    quit: () => (quit.signal.aborted ? proc.exit(exitCodes.interrupted) : quit.abort()),
    suspend,
    redraw,
  };
  const deaf = await listenToKeys(
    proc.stdin,
    (key) => {
      const action = display.press(key);
      if (action?.kind === 'change') changes.begin(action.wanted);
      else if (action) actions[action.kind]();
    },
    () => quit.abort(),
  );
  try {
    await aborted(AbortSignal.any([stopping, quit.signal]));
    if (changes.isGoing()) display.say('what goes on is being ended; again to leave it');
    await changes.stop();
  } finally {
    ending.abort();
    await rounds.stop();
    deaf();
    proc.stdout.off('resize', redraw);
    screen.leave();
    end();
    output.divert(null);
  }
}
