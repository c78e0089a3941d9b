import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { halfUploads } from '../../bench/lib/half-uploads.mjs';
import { type MemoryPart, UploadMemory } from '../../src/cats/upload/memory.ts';
import { openSite, type Site } from '../helpers/cli.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';

const MB = 1_000_000;

describe('the memory of uploads', () => {
  const placeOf = (part: MemoryPart | null) => part?.bytes.byteOffset ?? null;

  test('is given in parts that never overlap, the first gap first, and never more than there is', () => {
    const memory = new UploadMemory(100);
    const parts = [60, 20, 20, 1].map((size) => memory.take(size));
    expect(parts.map(placeOf)).toEqual([0, 60, 80, null]);
    parts[1]?.giveBack();
    expect([memory.take(21), memory.take(5), memory.take(15)].map(placeOf)).toEqual([null, 60, 65]);
    parts[0]?.giveBack();
    expect(placeOf(memory.take(60))).toBe(0);
  });

  test('goes back to the system when nobody has a part, and comes again', async () => {
    const memory = new UploadMemory(100, 10);
    const part = memory.take(10);
    part?.bytes.fill(7);
    part?.giveBack();
    await until('it is gone', () => part?.bytes.length === 0);
    expect(memory.take(10)?.bytes.fill(8).length).toBe(10);
  });

  test('stays where a socket may still read from it', async () => {
    const memory = new UploadMemory(100, 10);
    const read = memory.take(10);
    read?.bytes.fill(7);
    read?.giveBack(true);
    const probe = new UploadMemory(100, 20).take(10);
    probe?.giveBack();
    await until('its time is up', () => probe?.bytes.length === 0);
    expect(read?.bytes[0]).toBe(7);
  });
});

describe('a server', () => {
  let site: Site;
  beforeAll(async () => {
    site = await openSite();
  });
  afterAll(() => site.close());

  test('holds 60 half-sent uploads with less than 150 MB more, and answers others', async () => {
    const port = await freePort();
    const server = site.start(['serve', '--port', String(port)]);
    const get = async () =>
      (await fetch(`http://127.0.0.1:${port}/test`).catch(() => null))?.status;
    await until('it serves', async () => (await get()) === 200);
    const rss = () =>
      1_024 *
      Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]);
    const before = rss();
    const uploads = halfUploads(port, 60, 3 * MB);
    let most = before;
    await until('all are silent, or refused', async () => {
      expect(await get()).toBe(200);
      most = Math.max(most, rss());
      return uploads.allSilent();
    });
    const answers = uploads.answers();
    expect(answers.filter((answer) => answer === 'open').length).toBe(20);
    expect(new Set(answers)).toEqual(new Set(['open', '503']));
    expect((most - before) / MB).toBeLessThan(150);
    uploads.end();
    await until('all room is back', async () => {
      const one = halfUploads(port, 20, 1);
      await until('all are answered or held', () => one.allSilent());
      one.end();
      return one.answers().every((answer) => answer === 'open');
    });
  });
});
