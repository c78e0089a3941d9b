import { extname } from 'node:path';

/*
 * The command line that serves a file as a program: complete, so that it can be copied as it is.
 */

const MODULE = /\.[cm]?[jt]sx?$/;
/** A longer name is not repeated in a remedy. */
const MAX_FILE = 200;

const runners: ReadonlyMap<string, string> = new Map([
  ['.py', 'python3'],
  ['.rb', 'ruby'],
  ['.php', 'php'],
  ['.pl', 'perl'],
  ['.sh', 'sh'],
]);

/** Whether it is a module's name, which `--app` may load. */
export function isModuleName(file: string): boolean {
  return MODULE.test(file);
}

/** `meowctl spawn -- node server.js`: runs it as it is, in a process of its own. */
export function asProgram(file: string): string {
  return `meowctl spawn -- ${runner(file)}${inShell(file)}`;
}

/** A word, quoted for a shell where it has to be. */
export function inShell(word: string): string {
  if (word.length > MAX_FILE) return 'FILE';
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function runner(file: string): string {
  const name = runners.get(extname(file));
  if (name !== undefined) return `${name} `;
  if (!isModuleName(file)) return file.includes('/') ? '' : './';
  return needsTsx(file) ? 'npx tsx ' : 'node ';
}

/** Whether this Node cannot read it, and tsx can. */
function needsTsx(file: string): boolean {
  const { typescript = false } = process.features as { readonly typescript?: unknown };
  return /x$/.test(file) || (/\.[cm]?ts$/.test(file) && typescript === false);
}
