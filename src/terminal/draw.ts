import type { Picture } from '../model/picture.ts';
import type { TerminalSettings } from '../settings.ts';
import { halfBlocks } from './blocks.ts';
import type { Capabilities } from './capabilities.ts';
import { chooseFormat, screenOf } from './choose.ts';
import type { Colors } from './colors.ts';
import { decodedFrames } from './decoder.ts';

export { undrawable } from './decoder.ts';

import { orientationOf } from './decode/jpeg-head.ts';
import { iterm, itermFile } from './iterm.ts';
import { kitty, kittyPng } from './kitty.ts';
import { letters } from './letters.ts';
import type { Drawing, Format, Pencil, Screen, Size } from './screen.ts';
import { type Paper, showFrames, showStill } from './show.ts';
import { sixel } from './sixel.ts';

export interface DrawOptions {
  /** As `--format` says; null for what the terminal can. */
  readonly format: Format | null;
  readonly terminal: TerminalSettings;
  /** Whether colours are wanted, and whether it shows more than ASCII. */
  readonly isColored: boolean;
  readonly isUtf8: boolean;
  /** What the terminal says of itself; null for one that was not asked, or says nothing. */
  readonly capabilities: Capabilities | null;
  readonly size: { readonly columns?: number; readonly rows?: number };
  readonly paper: Paper;
  /** The file that the decoder's thread runs. */
  readonly decoder: string;
  readonly frameMs: number;
  readonly maxFilmMs: number;
  readonly maxPixels: number;
}

/**
 * Draws a picture, at most as wide as the screen, and plays one that moves once.
 * @param size its pixels, as its header says
 * @throws FailedError for one that cannot be drawn, and the reason of the signal
 */
export async function drawPicture(
  picture: Picture,
  size: Size,
  options: DrawOptions,
): Promise<void> {
  const { paper, capabilities, terminal, frameMs } = options;
  const screen = screenOf(options.size, capabilities);
  const format = chooseFormat(options.format, terminal, capabilities);
  const file = drawnAsItIs(picture, size, format, screen);
  if (file) return showStill(file, paper);
  const pencil = pencilFor(format, screen, options);
  const { data, type } = picture;
  const job = { data, type, box: pencil.box, maxPixels: options.maxPixels };
  const how = { file: options.decoder, frameMs, signal: paper.signal };
  await showFrames(decodedFrames(job, how), pencil.draw, paper, options.maxFilmMs);
}

/** What the terminal itself decodes; only it, or not all of it, turns a picture as its camera was held. */
function drawnAsItIs(
  { type, data }: Picture,
  size: Size,
  format: Format,
  screen: Screen,
): Drawing | null {
  if (format === 'kitty' && type === 'image/png') return kittyPng(data, size, screen);
  if (format !== 'iterm') return null;
  const isUpright = type !== 'image/jpeg' || orientationOf(data) === 1;
  return isUpright ? itermFile(data, size, screen) : null;
}

function pencilFor(format: Format, screen: Screen, options: DrawOptions): Pencil {
  switch (format) {
    case 'kitty':
      return kitty(screen);
    case 'iterm':
      return iterm(screen);
    case 'sixel':
      return sixel(screen, Math.min(MOST_COLORS, options.capabilities?.colors ?? MOST_COLORS));
    case 'blocks':
      return inCharacters(screen, options);
  }
}

/** Colours of sixel on terminals that do not say how many they have. */
const MOST_COLORS = 256;

function inCharacters(screen: Screen, { terminal, isColored, isUtf8 }: DrawOptions): Pencil {
  if (!isColored) return letters(screen, 'none');
  const colors: Colors = terminal.trueColor ? 'true' : 'palette';
  return isUtf8 ? halfBlocks(screen, colors) : letters(screen, colors);
}
