import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync, statSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { inUse } from '../../../src/fleet/death-watch/in-use.ts';
import { answers, deathSockets } from '../../../src/fleet/death-watch/socket.ts';
import { identify, thisMachine } from '../../../src/process/identity.ts';
import { socketPath } from '../../../src/state/socket-path.ts';
import { type Bundle, bundleFixture } from '../../helpers/bundle.ts';
import { killAtEnd, temporaryFolder } from '../../helpers/cleanup.ts';
import { until } from '../../helpers/until.ts';

let keeper: Bundle;
let server: Bundle;

beforeAll(async () => {
  keeper = await bundleFixture('keeps.ts');
  server = await bundleFixture('holds-keepers.ts');
});
afterAll(() => {
  keeper.remove();
  server.remove();
});

function start({ file }: Bundle, home: string, ...args: string[]): ChildProcess {
  const env = { MEOW_HOME: home };
  const child = spawn(process.execPath, [file, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  killAtEnd(child.pid ?? 0);
  return child;
}

/** A keeper, and what it has heard. */
async function keep(home: string) {
  const before = deathSockets(home);
  const child = start(keeper, home);
  let heard = '';
  child.stdout?.on('data', (piece: Buffer) => {
    heard += piece;
  });
  const path = await until('it listens', () =>
    deathSockets(home).find((at) => !before.includes(at)),
  );
  await until('it answers', () => answers(path)); // a socket is there before it is listened on
  return { child, path, heard: () => heard };
}

describe('the socket of a keeper', () => {
  test('tells the end of a server in the moment its process is killed, and of no other', async () => {
    const home = temporaryFolder();
    const { heard } = await keep(home);
    const [one, two] = ['abc234', 'xyz234'].map((id) => start(server, home, id));
    await until(
      'both serve',
      () => /serves abc234 true/.test(heard()) && /serves xyz234 true/.test(heard()),
    );
    process.kill(two?.pid ?? Number.NaN, 'SIGSTOP');
    process.kill(one?.pid ?? Number.NaN, 'SIGKILL');
    await until('its end is told', () => heard().includes('ended abc234'));
    expect(heard()).not.toContain('ended xyz234');
  });

  test('is found by servers that were there before it, and by those whose keeper was killed', async () => {
    const home = temporaryFolder();
    const { pid } = start(server, home, 'abc234');
    const first = await keep(home);
    await until('the first hears of it', () => first.heard().includes('serves abc234'));
    first.child.kill('SIGKILL');
    await until('nobody keeps', async () => !(await inUse(home, thisMachine(home), 1_000)));
    const second = await keep(home);
    await until('the second hears of it', () => second.heard().includes('serves abc234'));
    expect(deathSockets(home)).toEqual([second.path]);
    expect([identify(pid ?? 0) !== null, await inUse(home, thisMachine(home), 1_000)]).toEqual([
      true,
      true,
    ]);
  });

  test('is for its owner alone, and takes nothing but an id', async () => {
    const home = temporaryFolder();
    const { path, heard } = await keep(home);
    expect((statSync(dirname(path)).mode & 0o777).toString(8)).toBe('700');
    for (const line of ['abc234\n', 'ABC234 1\n', 'abc234 -1\n', `${'a'.repeat(100)}\n`, '\0\n']) {
      const stranger = connect(path, () => stranger.end(line));
      await until('it is gone', () => stranger.resume().destroyed);
    }
    const known = connect(path, () => known.end('abc234 20000\n'));
    await until('the good line is heard', () => heard().includes('ended abc234'));
    expect(heard()).toBe('serves abc234 true\nended abc234\n');
  });

  test('is nobody, where there is no state folder: a server serves on', async () => {
    const home = temporaryFolder();
    const child = start(server, home, 'abc234');
    await until('it runs', () => identify(child.pid ?? 0) !== null);
    rmSync(home, { recursive: true });
    const { heard } = await keep(temporaryFolder());
    expect([heard(), child.exitCode]).toEqual(['', null]);
  });
});

test('a state folder is in use while another `up` holds its lock; our own does not count', async () => {
  const home = temporaryFolder();
  const self = thisMachine(home);
  expect(await inUse(home, self, 1_000)).toBe(false);
  for (const [at, pid, used] of [
    ['1', self.pid, false],
    ['2', self.pid + 1, true],
  ] as const) {
    const about = JSON.stringify({ pid, pidStart: self.pidStart });
    const lock = createServer((socket) => socket.end(about)).listen(socketPath(home, `up/${at}`));
    onTestFinished(() => void lock.close());
    await until('it listens', () => lock.listening);
    expect(await inUse(home, self, 1_000)).toBe(used);
  }
});
