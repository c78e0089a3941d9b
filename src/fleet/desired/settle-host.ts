import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createHostId } from '../../ids.ts';
import { type Machine, thisMachine } from '../../process/identity.ts';
import { readHostFile, rewriteHostFile } from '../../state/host-id.ts';
import { linkIfFree } from '../../state/whole-file.ts';
import type { DesiredServers, Registry } from '../../store/store.ts';
import { plain } from '../../text.ts';
import { until } from '../../time/until.ts';
import { inUse, runOfReconciler } from '../death-watch/in-use.ts';
import { livesElsewhere } from '../targets/liveness.ts';

/** Defaults of defaults.ts, under the same names. */
type SettleSettings = Readonly<Record<'leaseMs' | 'lockAnswerMs' | 'settleOthersMs', number>>;

export interface SettleDeps {
  /** A state folder that is there. */
  readonly home: string;
  readonly registry: Pick<Registry, 'fleet'>;
  readonly desiredServers: Pick<DesiredServers, 'lockHolder'>;
  readonly settings: SettleSettings;
  say(line: string): void;
}

const POLL_MS = 250;

/**
 * Makes sure that this state folder's host is nobody else's, before anything is started here. What
 * lives under its id in another boot or pid namespace is waited for, one lease long: after a reboot,
 * or in a new container, it is gone by then, and the host goes on. Where it lives on, the folder is a
 * copy of one that is in use: it becomes a host of its own, which wants nothing yet.
 * @returns whether it did, and so has another key
 * @throws StoreError, FailedError where the state folder cannot be used
 */
export async function settleHost(deps: SettleDeps): Promise<boolean> {
  const { home, settings, say } = deps;
  const machine = thisMachine(home);
  const found = await othersOf(machine, deps);
  if (found === null) return keepHost(machine, home);
  // The same folder in two containers: no id is taken from under those who live here.
  if (await inUse(home, machine, settings.lockAnswerMs)) return false;
  const seconds = settings.leaseMs / 1_000;
  say(
    `${found} under the id of this state folder, but not on this machine, or in another container or boot of it: waiting ${seconds} s to see whether it lives on`,
  );
  let living = found;
  const areGone = async () => {
    const others = await othersOf(machine, deps);
    living = others ?? living;
    return others === null;
  };
  const gone = await until(areGone, { everyMs: POLL_MS, withinMs: settings.leaseMs });
  if (gone) return keepHost(machine, home);
  await becomeAnother(machine, deps, living);
  return true;
}

/** Who lives under our id elsewhere, by a lease that runs, in words; null where nobody does. */
async function othersOf(
  machine: Machine,
  { registry, desiredServers }: SettleDeps,
): Promise<string | null> {
  const isOther = (run: Pick<Machine, 'bootId' | 'pidNs'>) =>
    run.bootId !== machine.bootId || run.pidNs !== machine.pidNs;
  const [{ servers }, token] = await Promise.all([
    registry.fleet(),
    desiredServers.lockHolder(machine.hostId),
  ]);
  const server = servers.find(
    (each) => each.record.state !== 'draining' && livesElsewhere(each, machine),
  );
  if (server) return `server ${server.record.id} runs on ${plain(server.record.host)}`;
  const reconciler = token === null ? null : runOfReconciler(token);
  return reconciler && isOther(reconciler) ? 'a keeper runs' : null;
}

function keepHost({ hostId: id, bootId, pidNs }: Machine, home: string): false {
  const known = readHostFile(home);
  const isOld = known?.id === id && !(known.bootId === bootId && known.pidNs === pidNs);
  if (isOld) rewriteHostFile(home, { id, bootId, pidNs });
  return false;
}

async function becomeAnother(
  machine: Machine,
  { home, settings, say }: SettleDeps,
  living: string,
): Promise<void> {
  const { hostId, bootId, pidNs } = machine;
  if (!(await isOursToDo(home, hostId, settings))) return;
  const aside = setDesiredAside(home);
  rmSync(join(home, 'seal.key'), { force: true });
  rewriteHostFile(home, { id: createHostId(), bootId, pidNs });
  const list = aside === null ? '' : `; what was wanted in it is set aside in ${aside}`;
  say(
    `this state folder is a copy of one that is in use (${living}): it has a new host id and a new key now${list}`,
  );
}

/** Of several processes at once one settles the host; the others wait for it, and do it where it did not. */
async function isOursToDo(
  home: string,
  hostId: string,
  { settleOthersMs: withinMs }: SettleSettings,
): Promise<boolean> {
  // Nobody has started to give up that id yet.
  if (linkIfFree(join(home, 'host.json'), join(home, `host.was-${hostId}.json`))) return true;
  const isDone = () => readHostFile(home)?.id !== hostId;
  return (await until(isDone, { everyMs: POLL_MS, withinMs })) === null;
}

/** @returns the name it has now; null where there was no list */
function setDesiredAside(home: string): string | null {
  const list = join(home, 'wanted');
  if (!existsSync(list)) return null;
  const name = `wanted.set-aside-${new Date().toISOString().replace(/[:.]/g, '-')}`;
  renameSync(list, join(home, name));
  return name;
}
