import { basename } from 'node:path';
import type { FleetEvent } from '../../model/event.ts';
import type { Overview } from '../../model/overview.ts';

/*
 * What anybody on this machine may see: states and figures. No paths, no arguments of commands, and
 * nothing that a client or an app said.
 */

/**
 * Values that an app or a client may have chosen stand in quotes, and may hold some: all from the first
 * to the last is theirs. A text that was cut may have lost the last one.
 */
const QUOTED = /"(?:.*"(?!.*…$)|.*$)/s;
/** Paths and targets have their signs. */
const PATHS = /\S*[/\\?]\S*/g;

export function publicOverview(overview: Overview): Overview {
  const servers = overview.servers.map((server) => ({
    ...server,
    app: shortApp(server.app),
    reason: publicWords(server.reason),
  }));
  return { ...overview, servers };
}

/** Who did it is a name of a person. */
export function publicEvent(event: FleetEvent): FleetEvent {
  const { by, why } = event;
  return { ...event, by: by && publicWords(by), user: null, why: publicWords(why) };
}

/** A sentence, with what is nobody else's business left out. */
export function publicWords(text: string): string {
  return text.replace(QUOTED, '…').replace(PATHS, '…');
}

/** The file of a module, or the first word of a command, without its folder. */
function shortApp(app: string): string {
  return basename(/^\S*/.exec(app)?.[0] ?? '');
}
