import { expect } from 'vitest';
import type { Result } from '../helpers/cli.ts';
import { until } from '../helpers/until.ts';
import type { World } from './world.ts';

const PICTURE = new URL('../../img/night.png', import.meta.url).pathname;
/** A verb that asks Redis for something. */
export interface Verb {
  readonly args: readonly string[];
  /** What must be so afterwards, given how it ended. */
  check?(world: World, result: Result): Promise<void>;
}

const queued = ({ raw }: World) => raw.llen('{meow}:images');

export const VERBS: readonly Verb[] = [
  { args: ['ls', '--json'] },
  { args: ['set', 'hi', '--ttl', '600'] },
  { args: ['get'] },
  { args: ['recent'] },
  {
    args: ['upload', PICTURE],
    async check(world, { code }) {
      if (code === 0) expect(await queued(world)).toBe(1);
      expect((await world.site.run(['meow'])).code).toBeOneOf([0, 3]);
      // What was sent and never queued goes by itself, and counts for nothing.
      for (const key of await world.raw.keys('{meow}:image:*')) {
        expect(await world.raw.pttl(key)).toBeGreaterThan(0);
      }
      expect(Number(await world.raw.get('{meow}:image-bytes'))).toBe(0);
    },
  },
  {
    args: ['meow'],
    async check(world, { code, bytes }) {
      if (code === 0) expect(bytes.length).toBe(17_650);
      else expect(bytes.length === 0 || bytes.length === 17_650).toBe(true);
      // Claimed and not delivered: it goes back at a deadline of 30 s, set here to now.
      if (bytes.length > 0) return;
      for (const id of await world.raw.zrange('{meow}:delivering', '0', '-1')) {
        await world.raw.zadd('{meow}:delivering', '1', id);
      }
      expect((await world.site.run(['meow'])).bytes.length).toBe(17_650);
    },
  },
  { args: ['spawn', '2', '-q', '--ready-timeout', '5'], check: serve(2) },
  { args: ['scale', '2'], check: serve(2) },
  { args: ['restart', '--drain-timeout', '2'], check: serve(1) },
  { args: ['destroy', '--drain-timeout', '2', '--force'], check: serve(0) },
];

/** What exits 0 has done it. */
function serve(count: number) {
  return async ({ servers }: World, { code }: Result) => {
    if (code === 0) expect(servers().length).toBe(count);
  };
}

/** What the verb needs to find. */
export async function prepare({ site, spawn }: World, { args }: Verb): Promise<void> {
  if (args[0] === 'meow') await site.run(['upload', PICTURE]);
  if (['restart', 'destroy', 'scale'].includes(args[0] ?? '')) await spawn();
}

/** As if it had never been. */
export async function clear({ site, raw, servers }: World): Promise<void> {
  if (servers().length === 0) return void (await raw.flushall());
  expect((await site.run(['destroy', '--all', '--drain-timeout', '2'])).code).toBe(0);
  await until('no server is left', () => servers().length === 0);
  await raw.flushall();
}
