import { encodePng } from './png-file.ts';
import { type Drawing, type Pencil, pixelBox, placeOf, type Screen, type Size } from './screen.ts';

/* https://iterm2.com/documentation-images.html, as WezTerm and mintty have it too. */

/** A file of any type as it is; the terminal plays what moves in it. */
export function itermFile(data: Buffer, size: Size, screen: Screen): Drawing {
  const { width, height } = placeOf(size, screen);
  const how = [
    'inline=1',
    `size=${data.length}`,
    `width=${width}`,
    `height=${height}`,
    'preserveAspectRatio=1',
  ];
  const text = `\u001b]1337;File=${how.join(';')}:${data.toString('base64')}\u0007`;
  return { text, rows: height, isText: false, afterCut: '\u0007\u001b\\' };
}

/** For what must be changed before it is shown. */
export function iterm(screen: Screen): Pencil {
  return {
    box: pixelBox(screen),
    draw: (frame) => itermFile(encodePng(frame), frame, screen),
  };
}
