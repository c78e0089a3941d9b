import { randomInt } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { type Drawing, type Pencil, pixelBox, placeOf, type Screen, type Size } from './screen.ts';

/* https://sw.kovidgoyal.net/kitty/graphics-protocol/ : q=2 asks for no answer, which the shell would get. */

/** Characters of base64 in one message. */
const CHUNK = 4_096;
const MOST_ID = 2 ** 31;
/** The end of a text, then that of a picture. */
const afterCut = '\u001b\\\u001b_Gm=0,q=2;\u001b\\';

/** Frames of one film have one number and one place: each takes that of the one before. */
export function kitty(screen: Screen): Pencil {
  const film = `i=${randomInt(1, MOST_ID)},p=1`;
  return {
    box: pixelBox(screen),
    draw({ width, height, rgba }) {
      const keys = `a=T,q=2,f=32,o=z,s=${width},v=${height},${film}`;
      const rows = Math.ceil(height / screen.cell.height);
      return {
        text: message(keys, deflateSync(rgba, { level: 3 })),
        rows,
        isText: false,
        afterCut,
      };
    },
  };
}

/** A PNG as it is, made smaller by the terminal where it is too large. */
export function kittyPng(data: Buffer, size: Size, screen: Screen): Drawing {
  const { cell, columns } = screen;
  const place = placeOf(size, screen);
  const isWhole = size.width <= columns * cell.width && size.height <= place.height * cell.height;
  const scaled = isWhole ? '' : `,c=${place.width},r=${place.height}`;
  const text = message(`a=T,q=2,f=100${scaled}`, data);
  return { text, rows: place.height, isText: false, afterCut };
}

function message(keys: string, data: Buffer): string {
  const text = data.toString('base64');
  const parts: string[] = [];
  for (let at = 0; at < text.length; at += CHUNK) {
    const more = at + CHUNK < text.length ? 1 : 0;
    const head = at === 0 ? `${keys},m=${more}` : `m=${more},q=2`;
    parts.push(`\u001b_G${head};${text.slice(at, at + CHUNK)}\u001b\\`);
  }
  return parts.join('');
}
