import type { Overview } from '../../model/overview.ts';
import { bytes, many } from '../../overview/units.ts';
import type { Api } from '../connection/api.ts';
import { create, find, setText } from '../elements/find.ts';
import { type Entry, keyedList } from '../elements/keyed-list.ts';

interface Picture {
  readonly id: string;
  readonly name: string;
}

const MOST_SHOWN = 24;

/** The pictures that wait: how many, and with the token what they show. */
export function createQueue(api: Api): (overview: Overview) => void {
  const size = find(HTMLElement, '#queue-size');
  const empty = find(HTMLElement, '#no-pictures');
  const list = keyedList<Picture>(
    find(HTMLElement, '#pictures'),
    ({ id }) => id,
    (picture) => createThumbnail(api, picture),
  );
  let known = '';

  async function load(): Promise<void> {
    list.update(picturesIn(await api.get('/queue')).slice(0, MOST_SHOWN));
  }

  return ({ queue }) => {
    const now = JSON.stringify([queue, api.hasRights()]);
    if (now === known) return;
    known = now;
    setText(size, queue ? sizeInWords(queue) : '');
    empty.hidden = queue !== null && queue.pictures > 0 && api.hasRights();
    setText(empty, emptyInWords(queue));
    if (queue && queue.pictures > 0 && api.hasRights()) load().catch(() => (known = ''));
    else list.update([]);
  };
}

function sizeInWords({ pictures, bytes: held, delivering }: NonNullable<Overview['queue']>) {
  const parts = [many(pictures, 'picture'), bytes(held)];
  if (delivering > 0) parts.push(`${delivering} being delivered`);
  return parts.join(', ');
}

function emptyInWords(queue: Overview['queue']): string {
  if (!queue) return 'Redis is away, and the queue with it.';
  return queue.pictures === 0 ? 'Empty.' : 'Pictures are shown with the token only.';
}

function picturesIn(answer: unknown): Picture[] {
  const { items } = (answer ?? {}) as { items?: unknown };
  if (!Array.isArray(items)) return [];
  return items.flatMap((item: unknown) => {
    const { id, name } = (item ?? {}) as { id?: unknown; name?: unknown };
    if (typeof id !== 'string') return [];
    return [{ id, name: typeof name === 'string' ? name : id }];
  });
}

/** Fetched with the token in a header, so the picture has no address of its own that works. */
function createThumbnail(api: Api, { id, name }: Picture): Entry<Picture> {
  const element = create('li', '');
  const image = document.createElement('img');
  image.alt = name;
  image.title = name;
  element.append(image);
  show(api, image, id).catch(() => setText(element, name));
  return { element, update: () => {} };
}

async function show(api: Api, image: HTMLImageElement, id: string): Promise<void> {
  const response = await api.open(`/pictures/${encodeURIComponent(id)}`, 'image/*');
  const url = URL.createObjectURL(await response.blob());
  image.src = url;
  try {
    await image.decode();
  } finally {
    URL.revokeObjectURL(url);
  }
}
