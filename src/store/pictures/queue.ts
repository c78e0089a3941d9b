import type { Picture, PictureInfo, PictureType } from '../../model/picture.ts';
import type { Link } from '../connection/connection.ts';
import type { Keys } from '../keys.ts';
import { defineScript, list } from '../scripts/define.ts';
import listText from '../scripts/pictures/list.lua';
import sizeText from '../scripts/pictures/size.lua';
import type { Pictures } from '../store.ts';

/** As it was given to the picture; longer ones are not ours. */
const MAX_NAME_BYTES = 400;
/** As `enqueue` makes them. */
const ID = /^[A-Za-z0-9_-]{12}$/;

/** The queue to look at: nothing is taken out of it. */
export function createQueue(link: Link, keys: Keys): Pick<Pictures, 'size' | 'list' | 'read'> {
  const prefix = keys.image('');
  return {
    async size() {
      const [pictures, bytes, delivering] = list(await size(link, keys)).map(Number);
      return { pictures: pictures ?? 0, bytes: bytes ?? 0, delivering: delivering ?? 0 };
    },
    async list(limit) {
      const args = { prefix, limit, longest: MAX_NAME_BYTES };
      return infos(list(await newest(link, keys, args)));
    },
    async read(id) {
      return ID.test(id) ? load(link, keys.image(id), id) : null;
    },
  };
}

/**
 * A picture with its bytes; null where there is none.
 * @param knownId '' where it is told by what is stored
 */
export async function load(link: Link, key: string, knownId: string): Promise<Picture | null> {
  const [data, type, name, storedId] = await link.run((redis) =>
    redis.hmgetBuffer(key, 'data', 'type', 'name', 'id'),
  );
  if (!data || !type) return null;
  const id = knownId || String(storedId);
  const stored = { type: type.toString() as PictureType, name: name?.toString() ?? id };
  return { id, size: data.length, data, ...stored };
}

function infos(cells: readonly unknown[]): PictureInfo[] {
  const found: PictureInfo[] = [];
  for (let at = 0; at < cells.length; at += 4) {
    const [id = '', type, bytes, name = ''] = cells.slice(at, at + 4).map(String);
    if (ID.test(id)) found.push({ id, type: type as PictureType, size: Number(bytes), name });
  }
  return found;
}

const size = defineScript(sizeText, { keys: ['images', 'delivering', 'imageBytes'] });
const newest = defineScript(listText, {
  keys: ['images'],
  args: ['prefix', 'limit', 'longest'],
});
