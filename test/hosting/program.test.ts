import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, onTestFinished, test } from 'vitest';
import { defaults } from '../../src/defaults.ts';
import { ask, BELOW_500, isWell } from '../../src/health/ask-app.ts';
import { programApp } from '../../src/hosting/program.ts';
import { innerPorts, reservePort } from '../../src/hosting/program-port.ts';
import { startProgram } from '../../src/process/attached.ts';
import { identify } from '../../src/process/identity.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';

const PROGRAM = join(import.meta.dirname, '..', 'fixtures', 'apps', 'program.mjs');

describe('the port of a program', () => {
  test.each([
    [3001, [13001, 23001, 33001, 43001, 53001]],
    [60_000, [5488, 15488, 25488, 35488, 45488]],
    [65_535, [11023, 21023, 31023, 41023, 51023]],
  ])('is made from %i', (outer, ports) => {
    expect(innerPorts(outer, defaults.programPortStep)).toEqual(ports);
  });

  test('is never the same for two servers of a machine', () => {
    const all = Array.from(
      { length: 64_000 },
      (_, at) => innerPorts(1_024 + at, defaults.programPortStep)[0],
    );
    expect(new Set(all).size).toBe(64_000);
  });

  test.each(['127.0.0.1', '0.0.0.0', '::', '::1'])('is not free where %s has it', async (host) => {
    const port = await freePort();
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(port, host, resolve));
    expect(await reservePort(port)).toBeNull();
    await new Promise((resolve) => holder.close(resolve));
    const held = await reservePort(port);
    expect(held).not.toBeNull();
    expect(await reservePort(port)).toBeNull();
    await held?.release();
  });
});

/** The port of a server whose program's first two ports are nobody's: other tests take ports as well. */
async function outerOfFree(): Promise<number> {
  for (;;) {
    const outer = 7_000 + Math.floor(5_000 * Math.random());
    const held = await Promise.all(
      innerPorts(outer, defaults.programPortStep).slice(0, 2).map(reservePort),
    );
    await Promise.all(held.map((port) => port?.release()));
    if (held.every((port) => port !== null)) return outer;
  }
}

test('a port that a stranger takes at the last moment is given up for the next', async () => {
  const outer = await outerOfFree();
  const folder = mkdtempSync(join(tmpdir(), 'meow-test-program-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const taken = join(folder, 'taken');
  const afterStranger = 'until test -e "$3"; do sleep 0.05; done; exec "$0" "$1" "$2"';
  const given: number[] = [];
  const strangers: Server[] = [];
  const create = programApp({
    name: 'program',
    healthPath: '/',
    healthStatus: BELOW_500,
    hint: '',
    limits: defaults,
    log: () => {},
    drainSignal: null,
    readyMs: 120_000,
    start(port) {
      given.push(port);
      // It answers, so that only the end of the program tells that it is not ours.
      if (given.length === 1) {
        const tell = () => writeFileSync(taken, '');
        // Who came before the stranger does as well.
        strangers.push(answering(port).once('listening', tell).once('error', tell));
      }
      return startProgram({
        command: ['sh', '-c', afterStranger, process.execPath, PROGRAM, String(port), taken],
        env: { PATH: process.env.PATH ?? '' },
        cwd: '/',
        orphanGraceMs: 1_000,
        stdout: process.stdout,
        stderr: process.stderr,
      });
    },
  });
  const app = create({ id: 'abc234', port: () => outer, state: () => 'up' });
  onTestFinished(async () => {
    await app.stop?.(0);
    for (const stranger of strangers) stranger.close();
  });
  await app.start?.(outer, '127.0.0.1');
  expect(given).toEqual(innerPorts(outer, defaults.programPortStep).slice(0, 2));
  const page = app.page?.();
  expect(page && isWell(await ask(page, defaults), page.status)).toBe(true);
});

test('a program is told apart from a stranger on its port', async () => {
  const [mine, other] = [await freePort(), await freePort()];
  const stranger = answering(other);
  await once(stranger, 'listening');
  const program = startProgram({
    command: [process.execPath, PROGRAM, String(mine)],
    env: { PATH: process.env.PATH ?? '' },
    cwd: '/',
    orphanGraceMs: 1_000,
    stdout: process.stdout,
    stderr: process.stderr,
  });
  onTestFinished(async () => {
    stranger.close();
    await program.stop(0);
  });
  await until('it listens', () => program.holds(mine) === true);
  expect(program.holds(other)).toBe(false);
  stranger.close();
  await until('nobody has the other port', () => program.holds(other) === null);
});

test('a program may open what it says into by name, and each of both streams is told', async () => {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const program = startProgram({
    command: [
      'sh',
      '-c',
      'echo one >/dev/stdout; echo two >/dev/stderr; echo three; echo four >&2',
    ],
    env: { PATH: process.env.PATH ?? '' },
    cwd: '/',
    orphanGraceMs: 1_000,
    stdout: stdout as unknown as NodeJS.WriteStream,
    stderr: stderr as unknown as NodeJS.WriteStream,
  });
  const said = (stream: PassThrough) => {
    let text = '';
    stream.on('data', (chunk) => {
      text += chunk;
    });
    return () => text;
  };
  const [out, err] = [said(stdout), said(stderr)];
  expect(await program.ended).toContain('exit code 0');
  await until('all is there', () => out() === 'one\nthree\n' && err() === 'two\nfour\n');
});

test('a program that is stopped takes its whole group along', async () => {
  const program = startProgram({
    command: ['sh', '-c', 'sleep 300 & echo $!; wait'],
    env: { PATH: process.env.PATH ?? '' },
    cwd: '/',
    orphanGraceMs: 1_000,
    stdout: process.stdout,
    stderr: process.stderr,
  });
  await program.stop(1_000);
  expect(await program.ended).toMatch(/was ended by SIGTERM|exit code/);
  expect(program.hasEnded()).toBe(true);
  expect(identify(process.pid)).not.toBeNull(); // our own group was left alone
});

function answering(port: number): Server {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
  });
  return server.listen(port, '127.0.0.1');
}
