import { repeat } from '../../loop.ts';
import { monotonicClock } from '../../time/until.ts';
import type { Context } from '../context/context.ts';
import { paints } from '../output/paints.ts';
import { type Signs, signsFor } from './marks.ts';
import { Region } from './region.ts';
import { PrintedLines, type Screen } from './screen.ts';

/** Something that is drawn, and drawn again as time passes. */
export interface Drawing {
  draw(): void;
  close(): void;
}

export type Draw<T extends Drawing> = (screen: Screen, signs: Signs, nowMs: () => number) => T;

const REDRAW_MS = 100;

/** Draws at the end of the terminal that stderr is, until the work is done, however that ends. */
export async function drawWhile<T extends Drawing, Result>(
  context: Context,
  draw: Draw<T>,
  work: (drawing: T) => Promise<Result>,
): Promise<Result> {
  const { config, output } = context;
  const signs = signsFor(config.utf8);
  const { nowMs } = monotonicClock;
  if (config.dumb) {
    const printed = draw(new PrintedLines(output), signs, nowMs);
    return work(printed).finally(() => printed.close());
  }
  const region = await regionOn(context, signs);
  const drawing = draw(region, signs, nowMs);
  output.setBelow(region);
  const end = redrawing(context.process, region, drawing);
  try {
    return await work(drawing);
  } finally {
    await end();
    drawing.close();
    output.setBelow(null);
  }
}

async function regionOn({ config: { color }, process: { stderr } }: Context, signs: Signs) {
  const paint = color === 'never' ? (text: string) => text : await paints.tones();
  return new Region({ stream: stderr, paint, cutMark: signs.cut });
}

function redrawing(proc: NodeJS.Process, region: Region, drawing: Drawing) {
  const look = async () => {
    // Timers that are due come before signals: whoever let us go on (fg) has had the terminal.
    await new Promise(setImmediate);
    drawing.draw();
  };
  const forget = () => region.forget();
  const draw = () => drawing.draw();
  proc.on('SIGCONT', forget);
  proc.stderr.on('resize', draw);
  const rounds = repeat({
    name: 'progress',
    every: () => REDRAW_MS,
    work: look,
    log() {},
    unref: true,
  });
  return async () => {
    await rounds.stop();
    proc.off('SIGCONT', forget);
    proc.stderr.off('resize', draw);
  };
}
