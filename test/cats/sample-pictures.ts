import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..', '..');
const sample = (...path: string[]) => readFileSync(join(ROOT, ...path)) as Buffer;

export const png = sample('img', 'night.png');
export const jpeg = sample('img', 'morning.jpg');
export const gif = sample('img', 'tail.gif');
export const webp = sample('img', 'box.webp');
export const avif = sample('test', 'fixtures', 'box.avif');

export const html = Buffer.from('<script>alert(1)</script>');
export const script = Buffer.from('*/;alert(1)//');
export const zip = Buffer.concat([Buffer.from('PK\u0003\u0004'), Buffer.alloc(100, 0x30)]);

/** As phones write them: the film of the moment stands behind the picture, in boxes. */
export const motionPhoto = Buffer.concat([
  jpeg,
  Buffer.from('\0\0\0\u0018ftypmp42\0\0\0\0isommp42\0\0\0\u0010mdat12345678', 'latin1'),
  Buffer.from('SEFH\0\0\0\0SEFT', 'latin1'),
]);

/**
 * A GIF that is a script as well: its width makes the first words a comment that ends behind the
 * picture.
 */
export const gifScript = Buffer.concat([
  Buffer.from('GIF89a/*', 'latin1'),
  gif.subarray(8),
  script,
]);
