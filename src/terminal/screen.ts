import type { Bitmap, Box } from './decode/bitmap.ts';

/** How a picture is drawn: by one of three protocols, or with characters. */
export const FORMATS = ['kitty', 'iterm', 'sixel', 'blocks'] as const;
export type Format = (typeof FORMATS)[number];

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** What there is to draw on. */
export interface Screen {
  readonly columns: number;
  readonly rows: number;
  /** Size of one character, in pixels. */
  readonly cell: Size;
}

/** What is written to draw a picture from where the cursor is, to the right and down. */
export interface Drawing {
  readonly text: string;
  /** How many lines it takes. */
  readonly rows: number;
  /** Lines of characters: they scroll, and leave the cursor at their end. */
  readonly isText: boolean;
  /** Puts a terminal right that got half of it. */
  readonly afterCut: string;
}

/** Draws frames in one way. */
export interface Pencil {
  /** What a frame must fit into. */
  readonly box: Box;
  draw(frame: Bitmap): Drawing;
}

/** One line stays free, for the prompt. */
export function rowsFor({ rows }: Screen): number {
  return Math.max(1, rows - 1);
}

/** The pixels of the screen that a picture may take. */
export function pixelBox(screen: Screen): Box {
  const { columns, cell } = screen;
  return {
    width: columns * cell.width,
    height: rowsFor(screen) * cell.height,
    pixelAspect: 1,
  };
}

/** In how many columns and rows a file stands that the terminal itself decodes and scales. */
export function placeOf({ width, height }: Size, { columns, cell, ...screen }: Screen): Size {
  const most = rowsFor({ columns, cell, ...screen });
  const scale = Math.min(1, (columns * cell.width) / width, (most * cell.height) / height);
  return {
    width: Math.min(columns, Math.max(1, Math.ceil((width * scale) / cell.width))),
    height: Math.min(most, Math.max(1, Math.ceil((height * scale) / cell.height))),
  };
}
