import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { keepAsking } from '../helpers/load.ts';
import { until } from '../helpers/until.ts';
import { type Scenario, Skipped } from './scenario.ts';
import type { World } from './world.ts';

const SOURCE = join(import.meta.dirname, '..', 'fixtures', 'moving-clock.c');
const HOUR_S = 3_600;

interface Clock {
  /** For processes whose wall clock is to move. */
  readonly env: Readonly<Record<string, string>>;
  /** Moves it, while they run. */
  set(offsetS: number): void;
}

/** Only the wall clock moves, as when somebody sets it: monotonic time goes on. */
function movingClock({ site }: World): Clock {
  const library = join(site.home, 'moving-clock.so');
  const built = spawnSync('cc', ['-shared', '-fPIC', '-o', library, SOURCE, '-ldl']);
  if (built.status !== 0) throw new Skipped('a C compiler (cc), to move the clock');
  const file = join(site.home, 'offset');
  const set = (offsetS: number) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(offsetS));
    writeFileSync(file, bytes, { flag: 'r+' });
  };
  writeFileSync(file, Buffer.alloc(8));
  return { env: { LD_PRELOAD: library, MOVED_CLOCK: file }, set };
}

const moved: Scenario = {
  fault: 'wall clock of servers, door and verbs set ± 1 h while they run',
  expected: 'nothing changes: none lost, 0 failed, drains and exits as ever',
  quick: false,
  async run(world) {
    const clock = movingClock(world);
    const said = spawnSync(process.execPath, ['-p', 'Date.now()'], { env: { ...clock.env } });
    clock.set(HOUR_S);
    const shifted = spawnSync(process.execPath, ['-p', 'Date.now()'], { env: { ...clock.env } });
    const movedMs = Number(shifted.stdout.toString()) - Number(said.stdout.toString());
    if (movedMs < HOUR_S * 999) throw new Skipped('a Node that asks the C library the time');
    const moved = Object.keys(clock.env).flatMap((name) => ['--env', name]);
    const door = await world.openDoor({ env: clock.env });
    const [one, ...rest] = await world.spawn(['3', ...moved], { env: clock.env });
    await world.used();
    const load = keepAsking(`${door.url}/test`);
    for (const offset of [-HOUR_S, 2 * HOUR_S, 0, HOUR_S]) {
      clock.set(offset);
      const before = load.good();
      await until('load', () => load.good() > before + 1_000);
      await world.used(one ? [one, ...rest] : rest);
    }
    const { code } = await world.site.run(['destroy', one?.id ?? ''], { env: clock.env });
    clock.set(-HOUR_S);
    await world.used(await world.spawn());
    const { failures, sent } = await load.stop();
    expect([code, failures]).toEqual([0, []]);
    expect((await world.site.list()).map(({ state }) => state)).toEqual(['up', 'up', 'up']);
    return `0 of ${sent} failed over five moves; destroy exit 0; nobody lost`;
  },
};

export const clockFaults: readonly Scenario[] = [moved];
