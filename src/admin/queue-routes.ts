import { inspectPicture } from '../cats/picture/type.ts';
import type { PictureInfo } from '../model/picture.ts';
import { plain, quote } from '../text.ts';
import type { ShownStore } from './overview/overview-cache.ts';
import { json, problem, type Reply } from './responses/reply.ts';
import type { AdminRequest, Route } from './responses/router.ts';

const MOST_LISTED = 100;
/** So many are held in the door's memory at once; others wait for their turn. */
const AT_ONCE = 2;
const MOST_WAITING = 100;

/** Pictures that wait, and what clients asked for last: the page's, with the token. */
export function queueRoutes({ images, visits }: ShownStore, maxPicturePixels: number): Route[] {
  const turns = new Turns();
  return [
    { path: '/queue', methods: { GET: (asked) => queue(images, asked) } },
    {
      path: '/pictures/:id',
      needsToken: true,
      methods: {
        GET: (asked) => turns.take(asked, () => picture(images, asked.id, maxPicturePixels)),
      },
    },
    {
      path: '/recent',
      needsToken: true,
      methods: { GET: async () => json(await visits.recent()) },
    },
  ];
}

async function queue(images: ShownStore['images'], { rights }: AdminRequest): Promise<Reply> {
  if (rights !== 'all') return json(await images.size());
  const [size, items] = await Promise.all([images.size(), images.list(MOST_LISTED)]);
  return json({ ...size, items: items.map(withPlainName) });
}

function withPlainName(item: PictureInfo): PictureInfo {
  return { ...item, name: plain(item.name) };
}

/** It is left in the queue. What it is, its bytes say. */
async function picture(images: ShownStore['images'], id: string, most: number): Promise<Reply> {
  const found = await images.read(id);
  const inspected = found && inspectPicture(found.data, most);
  if (!found || !inspected || 'problem' in inspected) {
    return problem(404, `no picture ${quote(id)} is queued`, 'See GET /queue');
  }
  const headers = {
    'Content-Type': inspected.type,
    'Content-Security-Policy': "default-src 'none'; sandbox; frame-ancestors 'none'",
  };
  return { status: 200, body: found.data, headers };
}

/** A picture may be of 10 MiB: it is held until it is sent, or its client has gone. */
class Turns {
  readonly #waiting: (() => void)[] = [];
  #going = 0;

  async take({ response }: AdminRequest, work: () => Promise<Reply>): Promise<Reply | null> {
    if (this.#waiting.length >= MOST_WAITING) {
      return problem(503, 'too many pictures are asked for', 'Try again soon');
    }
    if (this.#going < AT_ONCE) this.#going += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (response.destroyed) {
      this.#end();
      return null;
    }
    response.once('close', () => this.#end());
    return work();
  }

  #end(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#going -= 1;
  }
}
