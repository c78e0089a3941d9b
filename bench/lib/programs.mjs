import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { portOf } from '../programs/port-of.mjs';
import { until } from './until.mjs';

const TERM_GRACE_MS = 5_000;
const WORDS_KEPT = 4_000;

/**
 * Runs a program to its end and takes the time until it has exited.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string, fails?: boolean }} [options] `fails`: any exit code will do
 */
export async function run(command, args, { env, cwd, fails = false } = {}) {
  const begun = performance.now();
  const child = spawn(command, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr']) {
    child[stream].setEncoding('utf8').on('data', (text) => {
      said[stream] += text;
    });
  }
  let ms = 0;
  child.once('exit', () => {
    ms = performance.now() - begun;
  });
  const [code, signal] = await once(child, 'close');
  if (code === 0 || fails) return { ms, code, ...said };
  const words = (said.stderr || said.stdout).slice(-WORDS_KEPT);
  throw new Error(`${command} ${args.join(' ')}: ${signal ?? `exit ${code}`}\n${words}`);
}

/** @typedef {{ env?: NodeJS.ProcessEnv, cwd?: string, detached?: boolean }} Where `detached`: in a session of its own */

/**
 * Starts a program that prints one line of JSON once it is ready.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {Where} [where]
 * @returns {Promise<{ pid: number, said: any, stop(): Promise<void> }>}
 */
export async function startTelling(command, args, { env, cwd } = {}) {
  const running = launch(command, args, { env, cwd });
  const lines = createInterface({ input: running.child.stdout });
  const [line] = await Promise.race([once(lines, 'line'), running.failed]);
  return { pid: running.pid, said: JSON.parse(line), stop: running.stop };
}

/**
 * Starts a program, and waits for nothing.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {Where} [where]
 */
export function startProgram(command, args, { env, cwd } = {}) {
  const running = launch(command, args, { env, cwd });
  running.child.stdout.resume();
  return { pid: running.pid, stop: running.stop };
}

/**
 * Starts a program and waits until it takes connections on `port`.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {number} port
 * @param {Where} [where]
 */
export async function startListening(command, args, port, { env, cwd, detached } = {}) {
  const running = launch(command, args, { env, cwd, detached });
  running.child.stdout.resume();
  const ready = until(`${command} on port ${port}`, () => takesConnections(port));
  await Promise.race([ready, running.failed]).catch(async (error) => {
    await running.stop();
    throw error;
  });
  return { pid: running.pid, stop: running.stop };
}

function launch(command, args, { env, cwd, detached = false }) {
  const child = spawn(command, args, { env, cwd, detached, stdio: ['ignore', 'pipe', 'pipe'] });
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    words = (words + text).slice(-WORDS_KEPT);
  });
  const failed = new Promise((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code) =>
      reject(new Error(`${command} ${args[0]}: exit ${code}\n${words}`)),
    );
  });
  failed.catch(() => {}); // once it is ready, its end is no failure
  // Where it could not be started there is none, and `failed` says why.
  const pid = child.pid ?? Number.NaN;
  return { child, pid, failed, stop: () => stop(child) };
}

async function stop(child) {
  const ended = () => child.exitCode !== null || child.signalCode !== null;
  if (ended()) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), TERM_GRACE_MS);
  await gone;
  clearTimeout(late);
}

export function takesConnections(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

/** A port nobody listens on at this moment. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = portOf(server);
  server.close();
  await once(server, 'close');
  return port;
}

/** The first of these that is on PATH, or null. */
export async function onPath(...names) {
  for (const name of names) {
    const found = await run('sh', ['-c', `command -v ${name}`], { fails: true });
    if (found.code === 0) return found.stdout.trim();
  }
  return null;
}
