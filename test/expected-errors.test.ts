import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  onTestFinished,
  test,
} from 'vitest';
import { catApp } from '../src/cats/cat-app.ts';
import { defaults } from '../src/defaults.ts';
import { createDoor } from '../src/proxy/door.ts';
import { doorOptions } from '../src/proxy/options.ts';
import { serve } from '../src/server/serve.ts';
import type { Store } from '../src/store/store.ts';
import { catOptions } from './cats/cat-options.ts';
import { MISTAKE, openMistakenStore } from './helpers/mistaken-store.ts';
import { startRedis, type TestRedis } from './helpers/redis.ts';
import { openStore, sampleRecord } from './helpers/store.ts';
import { until } from './helpers/until.ts';

/** With its kind and the place in the code where it was made. */
const STACK = new RegExp(`TypeError: ${MISTAKE.replace(/[()]/g, '\\$&')} at .*mistaken-store\\.ts`);

let redis: TestRedis;
let healthy: Store;
let wrong: Awaited<ReturnType<typeof openMistakenStore>>;
const lines: string[] = [];
const log = (line: string) => void lines.push(line);

beforeAll(async () => {
  redis = await startRedis();
  healthy = await openStore(redis.url);
});
beforeEach(async () => {
  wrong = await openMistakenStore(redis.url);
  lines.length = 0;
});
afterEach(() => wrong.close());
afterAll(async () => {
  await healthy.close();
  await redis.stop();
});

const told = (list: readonly string[]) => list.filter((line) => STACK.test(line));

describe('a mistake of ours in a call of the store is no outage', () => {
  test('whoever waits for the call gets the mistake itself', async () => {
    const { whileMistaken, registry, images } = wrong;
    await whileMistaken(async () => {
      await expect(registry.fleet()).rejects.toThrow(TypeError);
      await expect(registry.beat(sampleRecord(), null)).rejects.toThrow(TypeError);
      await expect(images.requeueExpired()).rejects.toThrow(TypeError);
    });
    expect((await registry.fleet()).servers).toEqual([]);
  });

  test('a visit that nobody waits for is said with the place of the mistake, and the next one is kept', async () => {
    const { whileMistaken, visits, said } = wrong;
    await whileMistaken(async () => {
      visits.record('/lost');
      await until('it is said', () => told(said).length === 1);
    });
    visits.record('/kept');
    await until('it is kept', async () => (await visits.recent()).includes('/kept'));
    expect(await visits.recent()).not.toContain('/lost');
    expect(said).toHaveLength(1);
  });

  test('a server says it once for all heartbeats that meet it, beats on, and says when they work', async () => {
    const { whileMistaken, registry } = wrong;
    const store = { ...healthy, registry };
    const server = await serve(
      {
        store,
        ownDesired: null,
        createApp: catApp({ store, spoolFolder: null, limits: defaults, log }),
        log,
      },
      catOptions,
    );
    await whileMistaken(() => until('a beat failed', () => told(lines).length > 0));
    await until('a beat worked', () => lines.includes('beat: works again'));
    expect(told(lines)).toEqual([expect.stringMatching(/^beat: TypeError: /)]);
    await server.retire(0);
    await server.ended;
  });

  test('a server that leaves says it once for each place, and ends', async () => {
    const { whileMistaken, registry } = wrong;
    const store = { ...healthy, registry };
    const deps = {
      store,
      ownDesired: null,
      createApp: catApp({ store, spoolFolder: null, limits: defaults, log }),
      log,
    };
    const server = await serve(deps, catOptions);
    await whileMistaken(async () => {
      await server.retire(0);
      expect(await server.ended).toBe('retired');
    });
    expect(told(lines).length).toBeGreaterThan(0);
    expect(new Set(lines).size).toBe(lines.length);
  });

  test('a door says it with its round, and goes on with the next', async () => {
    const { whileMistaken, registry, images } = wrong;
    const door = createDoor(
      {
        ...{ registry, pictures: images, stickyKey: null, onAnswer: null, log },
        machine: { host: 'here', pid: process.pid },
      },
      doorOptions({ port: 0 }),
    );
    onTestFinished(() => door.close(0));
    await door.open();
    await whileMistaken(() => until('a round failed', () => told(lines).length > 0));
    await until('a round worked', () => lines.includes('registry: works again'));
    expect(told(lines)[0]).toMatch(/^registry: TypeError: /);
  });
});
