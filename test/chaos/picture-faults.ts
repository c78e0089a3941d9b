import { connect } from 'node:net';
import { expect } from 'vitest';
import { openStore } from '../helpers/store.ts';
import { until } from '../helpers/until.ts';
import type { Scenario } from './scenario.ts';

const REQUESTS = 400;
const AT_ONCE = 8;
const LEAVES_WITHIN_MS = 8;
const FULL = 90;
const PICTURE = { data: Buffer.alloc(200_000, 1), type: 'image/png', name: 'a.png' } as const;

function leave(port: number, afterMs: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write('GET /meow HTTP/1.1\r\nHost: a\r\n\r\n');
      setTimeout(() => socket.resetAndDestroy(), afterMs);
    });
    socket.on('error', () => {}).resume();
    socket.once('close', () => resolve());
  });
}

const leavers: Scenario = {
  fault: `${REQUESTS} GET /meow whose clients reset after 0 to ${LEAVES_WITHIN_MS} ms`,
  expected: 'as many pictures gone from the queue as answers that left the door whole',
  quick: false,
  async run(world) {
    const door = await world.openDoor({ flags: ['--access-log'] });
    await world.spawn(['3']);
    await world.used();
    let log = '';
    door.child.stdout?.on('data', (bytes: Buffer) => {
      log += bytes.toString();
    });
    const told = () => log.split('\n').filter((line) => / GET \/meow \S+ \d+ /.test(line));
    const store = await openStore(world.site.redis.url);
    world.atEnd(() => store.close());
    const queued = () => world.raw.llen('{meow}:images');
    let given = 0;
    for (let at = 0; at < REQUESTS; at += AT_ONCE) {
      const missing = FULL - (await queued());
      if (missing > AT_ONCE) {
        await store.images.enqueue(Array.from({ length: missing }, () => PICTURE));
        given += missing;
      }
      const delays = Array.from({ length: AT_ONCE }, () => Math.random() * LEAVES_WITHIN_MS);
      await Promise.all(delays.map((ms) => leave(door.port, ms)));
    }
    await until('all are told', () => told().length === REQUESTS);
    const whole = told().filter((line) => / 200 [\d.]+ms$/.test(line)).length;
    const out = async () => given - (await queued());
    await until('the rest is back', async () => (await out()) === whole);
    await until(
      'it stays so',
      async () => (await world.raw.keys('{meow}:delivered:*')).length === 0,
    );
    expect(await out()).toBe(whole);
    await world.raw.del('{meow}:images');
    return `${whole} pictures gone, ${whole} answers whole, ${REQUESTS - whole} clients left`;
  },
};

export const pictureFaults: readonly Scenario[] = [leavers];
