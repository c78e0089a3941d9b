import { join } from 'node:path';
import { Writable } from 'node:stream';
import { createContext } from '../../src/cli/context/context.ts';
import { splitProgram } from '../../src/cli/flags/app-flags.ts';
import { createOutput } from '../../src/cli/output/output.ts';
import { run } from '../../src/cli/run.ts';
import { readSettings } from '../../src/settings.ts';
import { BIN, type Result } from './cli.ts';

export const ROOT = join(import.meta.dirname, '..', '..');

/**
 * Runs a command line by the program's own code in this process: where no process is the point.
 * @param folder where it is typed
 */
export async function runHere(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  folder = process.cwd(),
): Promise<Result> {
  const { host, stdout, stderr, forget } = hostOf(args, env, folder);
  const code = await run(host, ROOT).finally(forget);
  const bytes = stdout.heard();
  return { code, bytes, stdout: bytes.toString(), stderr: stderr.heard().toString() };
}

/**
 * This process as one that was started with those words. A verb listens for signals until its process
 * ends, which this one does not: `forget` ends that.
 */
export function hostOf(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  folder = process.cwd(),
) {
  const [stdout, stderr] = [listening(), listening()];
  const heard: [signal: string, listener: () => void][] = [];
  const on = (signal: string, listener: () => void) => {
    heard.push([signal, listener]);
    process.on(signal, listener);
    return host;
  };
  const argv = [process.execPath, BIN, ...args];
  const own = { argv, env, stdout, stderr, on, cwd: () => folder };
  const host = Object.create(process, Object.getOwnPropertyDescriptors(own)) as NodeJS.Process;
  const forget = () => {
    for (const [signal, listener] of heard) process.off(signal, listener);
  };
  return { host, stdout, stderr, forget };
}

/** A context as a verb is given it, and what is said through it. */
export function contextOf(args: readonly string[], env: Readonly<Record<string, string>>) {
  const { host, stdout, stderr } = hostOf(args, env);
  const config = readSettings(host.env);
  const output = createOutput(host.stdout, host.stderr, 'never', null);
  const { program } = splitProgram(host.argv);
  const context = createContext(host, ROOT, config, output, program);
  return {
    context,
    said: () => stderr.heard().toString(),
    printed: () => stdout.heard().toString(),
  };
}

/** A stream that keeps what is written to it. */
export function listening() {
  const heard: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      heard.push(chunk);
      done();
    },
  });
  return Object.assign(stream, { heard: () => Buffer.concat(heard) });
}
