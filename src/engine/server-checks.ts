import { BACKEND } from './config/refusals.ts';
import type { Rotation } from './rotation.ts';
import { count, type StatRow } from './runtime/stat-rows.ts';
import type { ServerList } from './server-list.ts';

export interface Judged {
  readonly rotation: Rotation;
  readonly list: ServerList;
  /** HAProxy's checks took one out of use, or back. */
  onTurn(id: string, isIn: boolean, why: string): void;
}

/** What HAProxy's health checks say of each server that may have requests, and how many it has. */
export function judgeServers(rows: readonly StatRow[], judged: Judged): void {
  for (const row of rows) if (row.pxname === BACKEND) judge(row, judged);
}

function judge(row: StatRow, { rotation, list, onTurn }: Judged): void {
  const member = rotation.one(row.svname ?? '');
  if (!member) return;
  member.inflight = count(row, 'scur');
  const isDown = list.isOn(member.id) && (row.status ?? '').startsWith('DOWN');
  if (isDown === (member.down !== null)) return;
  const said = row.last_chk || row.check_desc || row.check_status;
  const why = isDown ? `its health check: ${said}` : '';
  onTurn(member.id, !isDown, why);
  if (isDown) rotation.failed(member, why);
  else member.down = null;
}
