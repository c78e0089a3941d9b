import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest';
import {
  FOREIGN_NAME,
  type Opened,
  openBrowser,
  openPage,
  type TestBrowser,
} from '../helpers/browser.ts';
import type { Going } from '../helpers/fleet-site.ts';
import { needs, testWith } from '../helpers/needs.ts';
import { openPageSite, type PageSite } from '../helpers/page-site.ts';
import { sampleRecord } from '../helpers/store.ts';
import { until } from '../helpers/until.ts';

const FAR_MS = 9e15;

let site: PageSite;
let door: Going;
let browser: TestBrowser | null = null;
let opened: Opened | null = null;

beforeAll(async () => {
  [site, browser] = await Promise.all([openPageSite(), openBrowser()]);
  site.raw.on('error', () => {}); // its Redis is killed
  await site.spawn();
  door = await site.openDoor('proxy');
});
afterEach(async () => {
  await opened?.context.close();
  opened = null;
});
afterAll(async () => {
  await browser?.close();
  await site.close();
});

const testPage = (name: string, run: () => Promise<unknown>) => testWith(needs.chromium, name, run);

async function open(url: string): Promise<Opened['page']> {
  opened = await openPage(browser, url);
  return opened.page;
}

/** The page, once it shows the server. */
async function openLive(): Promise<Opened['page']> {
  const page = await open(site.tokenUrl());
  await page.locator('#servers tbody tr', { hasText: 'up' }).first().waitFor();
  return page;
}

describe('the page', () => {
  testPage(
    'says since when it is stale when its door dies, and goes on by itself with the next one',
    async () => {
      const page = await openLive();
      door.kill('SIGKILL');
      await door.ended;
      const banner = page.locator('#stale', { hasText: 'Stale' });
      await banner.waitFor();
      expect(await banner.textContent()).toMatch(/at \d\d:\d\d:\d\d\. The door does not answer/);
      await page.locator('#live', { hasText: 'stale for' }).waitFor();
      // What was known stands there still.
      expect(await page.locator('#servers tbody tr').count()).toBe(1);
      door = await site.openDoor('proxy');
      await page.locator('#live', { hasText: 'live' }).waitFor();
      expect(await page.locator('#stale').textContent()).toBe('');
      expect(await page.evaluate(() => document.body.hasAttribute('data-stale'))).toBe(false);
    },
  );

  testPage('says that it is stale when its door hangs, too', async () => {
    const page = await openLive();
    process.kill(door.pid, 'SIGSTOP');
    try {
      await page.locator('#stale', { hasText: 'Stale' }).waitFor();
    } finally {
      process.kill(door.pid, 'SIGCONT');
    }
    await page.locator('#live', { hasText: 'live' }).waitFor();
  });

  testPage('says that Redis is away, since when, and shows what the door sees', async () => {
    const page = await openLive();
    await site.redis.kill('SIGKILL');
    try {
      const banner = page.locator('#redis-away', { hasText: 'Redis is away since' });
      await banner.waitFor();
      expect(await page.locator('#redis').textContent()).toMatch(/^away since \d\d:\d\d:\d\d$/);
      expect(await page.locator('#servers tbody tr').count()).toBe(1);
      await page.locator('#no-pictures', { hasText: 'Redis is away' }).waitFor();
    } finally {
      await site.redis.restart();
    }
    await page.locator('#redis', { hasText: 'connected' }).waitFor();
    expect(await page.locator('#redis-away').textContent()).toBe('');
    await until('its server is known again', async () => (await site.liveNow()).length === 1);
  });

  testPage(
    'shows names from a tampered Redis as text, with their control characters escaped',
    async () => {
      const bad = '<script>globalThis.ran = 1</script><img src=x onerror="globalThis.ran = 1">';
      const record = sampleRecord({
        ...{ id: 'evil22', port: 1, url: 'http://127.0.0.1:1' },
        ...{ app: `${bad}\u001b[31m\u202egnp`, host: bad, failing: bad },
      });
      await site.raw.hset('{meow}:servers', record.id, JSON.stringify(record));
      await site.raw.zadd('{meow}:leases', FAR_MS, record.id);
      const told = { kind: 'lost', server: record.id, by: bad, host: bad, user: bad, why: bad };
      await site.raw.xadd('{meow}:events', '*', 'event', JSON.stringify(told));
      const page = await openLive();
      const row = page.locator('#servers tr[data-id=evil22]');
      await row.waitFor();
      expect(await row.locator('[data-cell=app]').textContent()).toBe(
        `${bad}\\u001b[31m\\u202egnp`,
      );
      expect(await row.locator('.host').textContent()).toBe(`on ${bad}`);
      const event = page.locator('#events li', { hasText: /found lost/ });
      await event.waitFor();
      expect(await event.textContent()).toContain(bad);
      expect(await page.locator('main script, main img').count()).toBe(0);
      expect(await page.evaluate('globalThis.ran')).toBeUndefined();
      expect(opened?.faults.filter((fault) => fault.includes('Security Policy'))).toEqual([]);
      await site.raw.hdel('{meow}:servers', record.id);
      await site.raw.zrem('{meow}:leases', record.id);
    },
  );
});

describe('what is not the page', () => {
  testPage('gets nothing under a foreign name that leads here', async () => {
    const page = await open('about:blank');
    const response = await page.goto(`http://${FOREIGN_NAME}:${site.adminPort}/`);
    expect(response?.status()).toBe(403);
    expect(await response?.json()).toMatchObject({ error: 'unknown Host' });
  });

  testPage('gets nothing as a page of another origin, even with the token', async () => {
    const other = createServer((_, response) =>
      response.setHeader('Content-Type', 'text/html').end('<p>'),
    );
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    try {
      const page = await open(`http://127.0.0.1:${(other.address() as AddressInfo).port}/`);
      const asked = await page.evaluate(askAll, { url: site.pageUrl, token: site.token() });
      expect(asked).toEqual(['refused', 'refused', 'refused', 'refused']);
      expect(await site.liveNow()).toHaveLength(1);
    } finally {
      other.closeAllConnections();
      other.close();
    }
  });
});

/** In the other page: everything it could try. */
async function askAll({ url, token }: { url: string; token: string }): Promise<string[]> {
  const headers = { Authorization: `Bearer ${token}` };
  const body = JSON.stringify({ count: 1 });
  const asked = await Promise.allSettled([
    fetch(`${url}overview`),
    fetch(`${url}overview`, { headers }),
    fetch(`${url}servers`, {
      method: 'POST',
      headers: { ...headers, 'Content-Type': 'application/json' },
      body,
    }),
    // What a page may send without asking first: it must change nothing.
    fetch(`${url}servers`, { method: 'POST', mode: 'no-cors', body }).then(() => Promise.reject()),
  ]);
  return asked.map(({ status }) => (status === 'rejected' ? 'refused' : 'answered'));
}
