import { isWanted, type Member, type Rotation } from './rotation.ts';
import type { RuntimeSocket } from './runtime/runtime-socket.ts';
import type { ServerList } from './server-list.ts';

interface Settling {
  readonly list: ServerList;
  readonly rotation: Rotation;
  /** Servers are about to get requests: what clients need of them has to be there by then. */
  beforeUse(): Promise<void>;
  /** Servers are about to be taken away. */
  beforeRemoval(): Promise<void>;
}

/**
 * Brings the servers that one HAProxy has to what the rotation says.
 * @returns how many get requests from now on, or none any more
 */
export async function settle(runtime: RuntimeSocket, settling: Settling): Promise<number> {
  const out = await takeOut(runtime, settling);
  await remove(runtime, settling);
  return out + (await bringIn(runtime, settling));
}

async function takeOut(runtime: RuntimeSocket, { list, rotation }: Settling): Promise<number> {
  const stays = rotation.members().filter((one) => list.has(one) && isWanted(one));
  const ids = new Set(stays.map(({ id }) => id));
  const out = list.ids().filter((id) => list.isOn(id) && !ids.has(id));
  for (const id of out) await list.takeOut(runtime, id);
  return out.length;
}

/** Those that are no members any more, and those that are somewhere else now. */
async function remove(runtime: RuntimeSocket, settling: Settling): Promise<void> {
  const { list, rotation, beforeRemoval } = settling;
  const ids = new Set(rotation.members().flatMap((one) => (list.has(one) ? [one.id] : [])));
  const gone = list.ids().filter((id) => !ids.has(id));
  if (gone.length > 0) await beforeRemoval();
  for (const id of gone) await list.remove(runtime, id);
}

async function bringIn(runtime: RuntimeSocket, settling: Settling): Promise<number> {
  const { list, rotation, beforeUse } = settling;
  // One whose old address still has requests waits until that is gone.
  const isFree = (member: Member) => list.has(member) || !list.ids().includes(member.id);
  const missing = rotation
    .members()
    .filter((member) => isWanted(member) && !list.isOn(member.id) && isFree(member));
  if (missing.length > 0) await beforeUse();
  for (const member of missing) await list.bringIn(runtime, member);
  return missing.length;
}
