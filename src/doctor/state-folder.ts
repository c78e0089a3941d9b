import { accessSync, constants, existsSync, type Stats, statfsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { plain, quote, systemReason, systemRemedy } from '../text.ts';
import { bad, type Check, warn, well } from './check.ts';

const OTHERS_MAY_WRITE = 0o002;
const OTHERS_MAY_READ = 0o044;
const MEBIBYTE = 1_024 * 1_024;
/** A server's log may grow to five files of 10 MiB. */
const LITTLE_ROOM = 256 * MEBIBYTE;
const NO_ROOM = 4 * MEBIBYTE;
const ELSEWHERE = 'Set MEOW_HOME to a folder of your own';
const ALL = constants.R_OK | constants.W_OK | constants.X_OK;
/** What meowctl cannot do without, once it is there. */
const OURS = ['host.json', 'seal.key', 'wanted', 'logs', 'env', 'redis', 'run', 'up'];

/** The state folder and its disk, as they are: nothing is made or written. */
export function checkStateFolder(home: string): Check[] {
  const unreachable = notReached(home);
  if (unreachable) return [unreachable];
  if (!existsSync(home)) return checkMissing(home);
  const trouble = whatIsWrong(home) ?? inside(home);
  const folder = trouble ?? well('state-folder', plain(home));
  return [folder, checkDisk(home)];
}

/** A path that can be nobody's folder: too long, or with a file in the middle. */
function notReached(home: string): Check | null {
  try {
    statSync(home, { throwIfNoEntry: false });
    return null;
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).code !== 'string') throw error;
    const remedy = systemRemedy(error) ?? ELSEWHERE;
    return wrong(`${quote(home)} cannot be used: ${systemReason(error)}`, remedy);
  }
}

function checkMissing(home: string): Check[] {
  const above = nearest(home);
  const trouble = mayUse(above);
  if (trouble) {
    const says = `${quote(home)} is not there, and cannot be made in ${quote(above)}: ${trouble.why}`;
    return [bad('state-folder', says, trouble.remedy ?? ELSEWHERE)];
  }
  return [
    well('state-folder', `${plain(home)} is not there yet: it is made at the first start`),
    checkDisk(above),
  ];
}

function whatIsWrong(home: string): Check | null {
  const found = statSync(home);
  if (!found.isDirectory()) return wrong(`${quote(home)} is not a folder`, 'Set MEOW_HOME to one');
  const owner = foreign(found);
  if (owner) return wrong(`${quote(home)} ${owner}`, 'Run as that user, or set MEOW_HOME');
  if (found.mode & OTHERS_MAY_WRITE) {
    return wrong(`everybody may write to ${quote(home)}`, `chmod 700 ${plain(home)}`);
  }
  const trouble = mayUse(home);
  if (trouble) {
    return wrong(`${quote(home)}: ${trouble.why}`, trouble.remedy ?? 'Check its rights: chmod 700');
  }
  if ((found.mode & OTHERS_MAY_READ) === 0) return null;
  const says = `others may look into ${quote(home)}, where keys and values of --env are`;
  return warn('state-folder', says, `chmod 700 ${plain(home)}`);
}

/** What an earlier run as another user, root perhaps, left behind. */
function inside(home: string): Check | null {
  for (const path of OURS.map((name) => join(home, name)).filter((name) => existsSync(name))) {
    const found = statSync(path);
    const owner = foreign(found);
    if (owner)
      return wrong(`${quote(path)} ${owner}`, `chown -R it to the owner of ${plain(home)}`);
    const trouble = mayUse(path, found.isDirectory() ? ALL : constants.R_OK);
    if (trouble) return wrong(`${quote(path)}: ${trouble.why}`, 'Give its owner its rights back');
  }
  return null;
}

function checkDisk(folder: string): Check {
  const { bavail, bsize, files, ffree } = statfsSync(folder);
  const free = bavail * bsize;
  const says = `${Math.floor(free / MEBIBYTE)} MiB free on the disk of ${quote(folder)}`;
  const remedy = 'Make room there: logs, lists of what is to run and a local Redis need it';
  if (files > 0 && ffree === 0) return bad('disk', `no file fits on the disk of ${folder}`, remedy);
  if (free < NO_ROOM) return bad('disk', says, remedy);
  return free < LITTLE_ROOM ? warn('disk', says, remedy) : well('disk', says);
}

function foreign({ uid }: Stats): string | null {
  const us = process.geteuid?.() ?? uid;
  return uid === us ? null : `belongs to user ${uid}, not to user ${us}`;
}

function mayUse(path: string, how = ALL): { why: string; remedy: string | null } | null {
  try {
    accessSync(path, how);
    return null;
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).code !== 'string') throw error;
    return { why: systemReason(error), remedy: systemRemedy(error) };
  }
}

function wrong(says: string, remedy: string): Check {
  return bad('state-folder', says, remedy);
}

function nearest(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearest(dirname(path));
}
