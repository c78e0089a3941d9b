import type { DoorRecord } from '../../model/records.ts';
import { plain } from '../../text.ts';
import type { Output } from './output.ts';

/** What doors have seen servers die of. */
export function tellPoison(doors: readonly DoorRecord[], output: Output): void {
  const named = new Set(doors.flatMap(({ poison = [] }) => poison));
  for (const target of named) {
    output.talk(
      `${plain(target)} is poison: servers die of it, so it is tried once each time, not again`,
    );
  }
}
