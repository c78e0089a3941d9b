import type { Overview } from '../../model/overview.ts';
import { rate, UNKNOWN } from '../../overview/units.ts';
import { find, fromTemplate, setText } from '../elements/find.ts';
import { type Entry, keyedList } from '../elements/keyed-list.ts';

interface DoorNow {
  readonly door: Overview['doors'][number];
  readonly isOwn: boolean;
}

/** Every door of the fleet. */
export function createDoors(): (overview: Overview) => void {
  const list = keyedList<DoorNow>(
    find(HTMLElement, '#doors tbody'),
    ({ door }) => door.id,
    createDoorRow,
  );
  return ({ doors, door: own }) => {
    list.update(doors.map((door) => ({ door, isOwn: door.id === own.id })));
  };
}

function createDoorRow(): Entry<DoorNow> {
  const row = fromTemplate(HTMLTableRowElement, '#door-row');
  const [id, url, host, rps] = row.cells;
  return {
    element: row,
    update({ door, isOwn }) {
      if (id) setText(id, isOwn ? `${door.id} (this one)` : door.id);
      if (url) setAddress(url, door.url);
      if (host) setText(host, door.host);
      if (rps) setText(rps, door.rps === null ? UNKNOWN : rate(door.rps));
    },
  };
}

/** Where it has to break, it does so before the host: a number in two halves is hard to read. */
function setAddress(cell: HTMLElement, url: string): void {
  if (cell.textContent === url) return;
  const [, scheme = '', rest = url] = /^([a-z]+:\/\/)(.*)$/.exec(url) ?? [];
  cell.replaceChildren(scheme, document.createElement('wbr'), rest);
}
