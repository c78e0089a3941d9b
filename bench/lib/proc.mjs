import { readdirSync, readFileSync } from 'node:fs';
import { median } from './stats.mjs';
import { until } from './until.mjs';

// USER_HZ, the unit of /proc/<pid>/stat: 100 on every Linux that Node runs on.
const TICK_US = 10_000;
const KIB = 1_024;
const UTIME = 11;
const STIME = 12;

/** CPU time the process has used so far, user and system, all threads, in µs. */
export function cpuMicros(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[UTIME]) + Number(fields[STIME])) * TICK_US;
}

/**
 * The same to the nanosecond, of the threads that live now: ticks of 10 ms are a hundredth of a
 * second's work, and some ratios are to be told to less.
 */
export function preciseCpuMicros(pid) {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const spent = tasks.map((task) => readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8'));
  return spent.reduce((sum, text) => sum + Number(text.split(' ')[0]), 0) / 1_000;
}

/** CPU time of all processes that this one has started and that have ended, in µs. */
export function childCpuMicros() {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[UTIME + 2]) + Number(fields[STIME + 2])) * TICK_US;
}

/** Memory the process holds, in bytes. */
export function rssBytes(pid) {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1]) * KIB;
}

/** The processes it started that still run. @returns {number[]} */
export function children(pid) {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}

export function openFiles(pid) {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** True while `pid` runs with every one of these words on its command line. */
export function runsWith(pid, words) {
  try {
    const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return words.every((word) => line.includes(word));
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return false;
    throw error;
  }
}

/** The process's memory once it has come to rest: three seconds within 1 %, or as it is after 20 s. */
export async function settledRss(pid) {
  const seen = [];
  const atRest = () => {
    seen.push(rssBytes(pid));
    const last = seen.slice(-6);
    return last.length === 6 && Math.max(...last) <= 1.01 * Math.min(...last);
  };
  try {
    await until('memory at rest', atRest, 20_000, 500);
  } catch (error) {
    if (seen.length < 6) throw error; // it restless is still a figure
  }
  return median(seen.slice(-6));
}
