import { readdirSync, readFileSync } from 'node:fs';
import { captureOutput } from './system-commands.ts';

/** What the processes of one process group use together. */
export interface GroupUsage {
  /** Bytes in memory. What several of them share counts for each. */
  readonly rss: number;
  /** CPU time so far, that of children that have ended and were waited for included. */
  readonly cpuMs: number;
}

// proc(5), counted from field 3, which follows the name: that may hold blanks and ')'.
const STATE = 0;
const GROUP = 2;
const TIMES = [11, 12, 13, 14];
/** Linux tells times in these whatever its own clock does: USER_HZ. */
const MS_PER_TICK = 10;
const KIB = 1_024;
/** A process may change its group: so often they are all looked at. */
const LOOKS_FOR_ALL = 30;
const SECOND_MS = 1_000;
const PS_EVERY_MS = 10_000;

/**
 * Measures the group again and again. Of processes that are not in it only the list is read, but for
 * new ones: with many servers on a machine each would read what all of them are doing.
 * @returns what tells its usage; null where it is gone, or cannot be told
 */
export function watchGroup(group: number): () => GroupUsage | null {
  const look = process.platform === 'linux' ? lookInProc(group) : lookWithPs(group);
  let cpuMs = 0;
  return () => {
    const usage = look();
    if (!usage) return null;
    // The time of one that nobody waited for goes with it.
    cpuMs = Math.max(cpuMs, usage.cpuMs);
    return { rss: usage.rss, cpuMs };
  };
}

function lookInProc(group: number): () => GroupUsage | null {
  let others = new Set<string>();
  let looks = 0;
  return () => {
    looks += 1;
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    const known = looks % LOOKS_FOR_ALL === 0 ? new Set() : others;
    others = new Set(pids.filter((pid) => known.has(pid)));
    const members = pids.flatMap((pid) => {
      if (others.has(pid)) return [];
      const usage = ofProcess(pid, group);
      if (!usage) others.add(pid);
      return usage ? [usage] : [];
    });
    return sum(members);
  };
}

/** Null where it is gone, or in another group. */
function ofProcess(pid: string, group: number): GroupUsage | null {
  const stat = read(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (Number(fields[GROUP]) !== group || /^[XZ]$/.test(fields[STATE] ?? '')) return null;
  const ticks = TIMES.reduce((all, at) => all + Number(fields[at]), 0);
  const [, kib = 0] = /^VmRSS:\s*(\d+) kB$/m.exec(read(`/proc/${pid}/status`)) ?? [];
  return { rss: Number(kib) * KIB, cpuMs: ticks * MS_PER_TICK };
}

// It stops this process for some ms, so it is asked less often.
function lookWithPs(group: number): () => GroupUsage | null {
  let last: GroupUsage | null = null;
  let atMs = Number.NEGATIVE_INFINITY;
  return () => {
    if (performance.now() - atMs < PS_EVERY_MS) return last;
    atMs = performance.now();
    last = askPs(group);
    return last;
  };
}

/** For systems without /proc. `1234 5678 1-02:03:04.50`: group, KiB, time. */
export function askPs(group: number): GroupUsage | null {
  const all = captureOutput('ps', ['-A', '-o', 'pgid=', '-o', 'rss=', '-o', 'time=']) ?? '';
  const rows = all.split('\n').map((line) => line.trim().split(/\s+/));
  return sum(
    rows
      .filter(([of]) => Number(of) === group)
      .map(([, kib, time = '']) => ({ rss: Number(kib) * KIB, cpuMs: toMs(time) })),
  );
}

function toMs(time: string): number {
  const [, days = 0, clock = ''] = /^(?:(\d+)-)?([\d:.]+)$/.exec(time) ?? [];
  const seconds = clock.split(':').reduce((all, part) => all * 60 + Number(part), 0);
  return Math.round((Number(days) * 86_400 + seconds) * SECOND_MS);
}

function sum(members: readonly GroupUsage[]): GroupUsage | null {
  if (members.length === 0) return null;
  return members.reduce((all, one) => ({
    rss: all.rss + one.rss,
    cpuMs: all.cpuMs + one.cpuMs,
  }));
}

// Processes come and go while we look, and some are not ours to see: all of that reads as nothing.
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return '';
  }
}
