/** What MEOW_DEBUG may name: the door's attempts and servers, the way to Redis, starts and orders. */
export const debugSections = ['proxy', 'store', 'fleet'] as const;

export type DebugSection = (typeof debugSections)[number];

/**
 * What goes on inside, for whoever asks with MEOW_DEBUG; as Node's own NODE_DEBUG, which is read
 * before we run. Null while nobody does: `debug.proxy?.(…)` then does not even make its text.
 */
export const debug: Record<DebugSection, ((text: string) => void) | null> = {
  proxy: null,
  store: null,
  fleet: null,
};

/** From now on these sections are written, each line with its time (UTC), section and pid. */
export function debugTo(
  sections: readonly DebugSection[],
  pid: number,
  write: (line: string) => void,
): void {
  for (const section of debugSections) {
    const head = `${section.toUpperCase()} ${pid}`;
    const say = (text: string) => write(`${new Date().toISOString()} ${head}: ${text}\n`);
    debug[section] = sections.includes(section) ? say : null;
  }
}
