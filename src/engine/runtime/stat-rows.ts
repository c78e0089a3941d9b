/** One line of `show stat`, by the names of its columns. */
export type StatRow = Readonly<Record<string, string>>;

/** A server in one backend, as `show servers state` tells it. */
export interface ServerState {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  /** Somebody took it out on purpose. */
  readonly inMaintenance: boolean;
  /** Its health checks have failed. */
  readonly isDown: boolean;
}

/** Bits of the administrative state: forced, inherited from the configuration. */
const MAINTENANCE = 0x01 | 0x02 | 0x04;
/** The operational state of a server that is not used. */
const STOPPED = '0';

/** The rows of a CSV whose first line names its columns. */
export function parseStat(text: string): StatRow[] {
  const [head = '', ...lines] = text.split('\n').filter((line) => line.trim() !== '');
  const names = head.replace(/^# /, '').split(',');
  return lines.map((line) => {
    const values = cells(line);
    return Object.fromEntries(names.map((name, at) => [name, values[at] ?? '']));
  });
}

/** How many, or how much; 0 where the column is empty. */
export function count(row: StatRow | undefined, name: string): number {
  const value = Number(row?.[name] || 0);
  return Number.isFinite(value) ? value : 0;
}

/** The table of `show servers state`: its version, its column names behind a `#`, and a server a line. */
export function parseServerStates(text: string): ServerState[] {
  const lines = text.split('\n');
  const at = lines.findIndex((line) => line.startsWith('# '));
  const names = (lines[at] ?? '').slice(2).split(' ');
  return lines.slice(at + 1).flatMap((line) => {
    const values = line.trim().split(' ');
    if (values.length < names.length) return [];
    const of = (name: string) => values[names.indexOf(name)] ?? '';
    return {
      id: of('srv_name'),
      host: of('srv_addr'),
      port: Number(of('srv_port')),
      inMaintenance: (Number(of('srv_admin_state')) & MAINTENANCE) !== 0,
      isDown: of('srv_op_state') === STOPPED,
    };
  });
}

/** What `show info` says, by name. */
export function parseInfo(text: string): StatRow {
  const pairs = text.split('\n').map((line) => {
    const at = line.indexOf(':');
    return [line.slice(0, at), line.slice(at + 1).trim()] as const;
  });
  return Object.fromEntries(pairs);
}

// A cell with a comma or a quote in it stands in quotes.
function cells(line: string): string[] {
  if (!line.includes('"')) return line.split(',');
  const found = line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g);
  return [...found].map(([, cell = '']) => cell.replace(/^"(.*)"$/s, '$1').replaceAll('""', '"'));
}
