import { setTimeout as pause } from 'node:timers/promises';
import { deflateSync } from 'node:zlib';
import { PNG_SIGNATURE, pngChunk } from '../lib/png.mjs';
import { CATS } from './site.mjs';

const KEY = 'soak';
const PADDING = 8_000;
/** A picture that was handed out and never acknowledged is back after 30 s: `deliveryMs` of src/defaults.ts. */
const BACK_MS = 35_000;

/** What is known of every picture that was sent. */
export function createPictures() {
  /** Names that were answered 201, those whose fate nobody told, and when each was shown. */
  return { accepted: new Set(), unknown: new Set(), shown: new Map(), next: 1 };
}

/** A small PNG that says which one it is. */
export function namedPng(name) {
  const header = Buffer.from([0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0]);
  const text = Buffer.from(`${KEY}\0${name}\0${'.'.repeat(PADDING)}`, 'latin1');
  const pixel = deflateSync(Buffer.from([0, 0]));
  const chunks = [pngChunk('IHDR', header), pngChunk('tEXt', text), pngChunk('IDAT', pixel)];
  return Buffer.concat([PNG_SIGNATURE, ...chunks, pngChunk('IEND', Buffer.alloc(0))]);
}

/** Which one it is, or null when it is no whole picture of ours. */
function nameOf(png) {
  const found = /tEXtsoak\0([^\0]+)\0/.exec(png.toString('latin1'));
  const whole =
    png.length > 12 && png.toString('latin1', png.length - 8, png.length - 4) === 'IEND';
  return found && whole ? found[1] : null;
}

export function show(pictures, png, atMs) {
  const name = nameOf(png) ?? `not a picture of ours: ${png.length} bytes`;
  pictures.shown.set(name, [...(pictures.shown.get(name) ?? []), atMs]);
}

/** Takes out what is left, also what comes back from deliveries that were never finished. */
export async function drainQueue(site, pictures) {
  const until = performance.now() + BACK_MS;
  while (performance.now() < until) {
    const answer = await fetch(`http://127.0.0.1:${site.port(CATS)}/meow`);
    if (answer.status === 200) {
      show(pictures, Buffer.from(await answer.arrayBuffer()), performance.now());
    } else await pause(500);
  }
}
