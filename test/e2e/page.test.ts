import { gzipSync } from 'node:zlib';
import axe from 'axe-core';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { type Opened, openBrowser, openPage, type TestBrowser } from '../helpers/browser.ts';
import { needs, testWith } from '../helpers/needs.ts';
import { openPageSite, type PageSite } from '../helpers/page-site.ts';

let site: PageSite;
let browser: TestBrowser | null = null;

beforeAll(async () => {
  [site, browser] = await Promise.all([openPageSite(), openBrowser()]);
  await site.openDoor('up', '-n', '2');
});
afterAll(async () => {
  await browser?.close();
  await site.close();
});

const testPage = (name: string, run: () => Promise<unknown>) => testWith(needs.chromium, name, run);

/** The page, once it shows both servers as they are. */
async function opened(url: string, options = {}): Promise<Opened> {
  const opened = await openPage(browser, url, options);
  await opened.page
    .locator('#servers tbody tr', { hasText: /\bup\b/ })
    .nth(1)
    .waitFor();
  return opened;
}

describe('the page', () => {
  testPage('shows every server, the door and Redis, and says that it is live', async () => {
    const { page, context, faults } = await opened(site.pageUrl);
    const live = await site.liveNow();
    for (const { id, url } of live) {
      const row = page.locator(`#servers tr[data-id="${id}"]`);
      expect(await row.textContent()).toContain(url);
    }
    expect(await page.locator('#servers tbody tr').count()).toBe(2);
    expect(await page.locator('#door').textContent()).toContain(site.doorUrl);
    await page.locator('#live', { hasText: 'live' }).waitFor();
    expect(await page.locator('#redis').textContent()).toMatch(/^connected/);
    expect(await page.locator('[data-figure=servers]').textContent()).toBe('2 / 2');
    expect(await page.locator('.chart canvas').count()).toBe(2);
    expect(faults).toEqual([]);
    await context.close();
  });

  testPage('changes nothing without the token, and says how to get it', async () => {
    const { page, context } = await opened(site.pageUrl);
    expect(await page.locator('#rights').textContent()).toContain('meowctl dashboard');
    expect(await page.locator('button[data-change]:visible').count()).toBe(0);
    await context.close();
  });

  testPage(
    'takes the token out of the address at once, and keeps it for its tab only',
    async () => {
      const { page, context } = await opened(site.tokenUrl());
      expect(page.url()).toBe(site.pageUrl);
      expect(await page.evaluate('history.length')).toBe(2); // about:blank, and the page once
      expect(await page.locator('#rights').isVisible()).toBe(false);
      expect(await page.locator('[data-change=spawn]').isVisible()).toBe(true);
      await page.reload();
      await page.locator('[data-change=spawn]').waitFor();
      const other = await context.newPage();
      await other.goto(site.pageUrl);
      await other.locator('#rights').waitFor();
      expect(await context.cookies()).toEqual([]);
      await context.close();
    },
  );

  testPage('takes the token where the page is open already, too', async () => {
    const { page, context, faults } = await opened(site.pageUrl);
    await page.locator('#rights').waitFor();
    // What a browser does with an address that is typed over the same one: nothing is loaded.
    await page.evaluate((hash) => location.replace(hash), `#token=${site.token()}`);
    await page.locator('[data-change=spawn]').waitFor();
    expect(page.url()).toBe(site.pageUrl);
    expect(faults).toEqual([]);
    await context.close();
  });

  testPage('goes on without a token that is none, and shows the figures', async () => {
    const { page, context } = await opened(`${site.pageUrl}#token=wrong`);
    await page.locator('#rights').waitFor();
    expect(await page.locator('[data-change=spawn]').isVisible()).toBe(false);
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
    await context.close();
  });

  testPage('asks only the door that served it, and in no address stands the token', async () => {
    const opened = await openPage(browser, 'about:blank');
    const urls: string[] = [];
    opened.page.on('request', (request) => urls.push(request.url()));
    await opened.page.goto(site.tokenUrl());
    await opened.page.locator('#servers tbody tr').nth(1).waitFor();
    expect(urls.length).toBeGreaterThan(3);
    expect(urls.filter((url) => !url.startsWith(site.pageUrl))).toEqual([]);
    expect(urls.slice(1).filter((url) => url.includes(site.token()))).toEqual([]);
    await opened.context.close();
  });

  testPage('weighs at most 120 kB gzipped', async () => {
    const { page, context } = await opened(site.pageUrl);
    const names = await page.evaluate(() =>
      performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname),
    );
    const files = ['/', ...names.filter((name) => /\.(js|css|svg)$/.test(name))];
    expect(files).toEqual(expect.arrayContaining(['/page.js', '/page.css']));
    const bytes = await Promise.all(
      files.map(async (file) => {
        const response = await fetch(new URL(file, site.pageUrl));
        return gzipSync(Buffer.from(await response.arrayBuffer())).length;
      }),
    );
    const total = bytes.reduce((sum, size) => sum + size);
    console.log(`the page weighs ${(total / 1_000).toFixed(1)} kB gzipped`);
    expect(total).toBeLessThan(120_000);
    await context.close();
  });
});

describe('by keyboard', () => {
  testPage(
    'the first stop leads past the rest to the servers, and every button is reached',
    async () => {
      const { page, context } = await opened(site.tokenUrl());
      const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim());
      await page.keyboard.press('Tab');
      expect(await focused()).toBe('Skip to the servers');
      await page.keyboard.press('Enter');
      const reached: unknown[] = [];
      for (let n = 0; n < 30; n++) {
        await page.keyboard.press('Tab');
        reached.push(await focused());
      }
      const [first] = await site.liveNow();
      expect(reached).toEqual(
        expect.arrayContaining([
          'Spawn…',
          'Scale…',
          'Restart all…',
          'State',
          `Destroy ${first?.id}`,
        ]),
      );
      await context.close();
    },
  );

  testPage('nothing leaves an open dialog but Escape or an answer', async () => {
    const { page, context } = await opened(site.tokenUrl());
    await page.getByRole('button', { name: 'Spawn…' }).press('Enter');
    const dialog = page.getByRole('dialog');
    await dialog.waitFor();
    for (let n = 0; n < 8; n++) {
      await page.keyboard.press('Tab');
      const isInside = await page.evaluate(() => {
        const { activeElement, body } = document;
        // The browser's own bars are a stop too; the rest of the page is not.
        return activeElement === body || activeElement?.closest('dialog') !== null;
      });
      expect(isInside).toBe(true);
    }
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    await context.close();
  });
});

testPage('where motion is to be reduced nothing moves', async () => {
  const moving = async (reducedMotion: 'reduce' | 'no-preference') => {
    const { page, context } = await opened(site.tokenUrl(), { reducedMotion });
    const count = await page.evaluate(() => {
      const moves = ({ transitionDuration, animationName }: CSSStyleDeclaration) =>
        transitionDuration !== '0s' || animationName !== 'none';
      return [...document.querySelectorAll('*')].filter((node) => moves(getComputedStyle(node)))
        .length;
    });
    await context.close();
    return count;
  };
  expect(await moving('no-preference')).toBeGreaterThan(0);
  expect(await moving('reduce')).toBe(0);
});

describe('to a screen reader', () => {
  const schemes = ['light', 'dark'] as const;
  for (const colorScheme of schemes) {
    for (const width of [360, 1_600]) {
      testPage(
        `the page has no violation that axe knows, ${colorScheme}, ${width} px`,
        async () => {
          const options = { colorScheme, viewport: { width, height: 900 } };
          const { page, context } = await opened(site.tokenUrl(), options);
          expect(await violations(page)).toEqual([]);
          await page.locator('[data-change=spawn]').click();
          expect(await violations(page)).toEqual([]);
          expect(
            await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
          ).toBe(true);
          await context.close();
        },
      );
    }
  }
});

async function violations(page: Opened['page']): Promise<string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { run } = Reflect.get(globalThis, 'axe') as typeof axe;
    const { violations } = await run();
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html)}`);
  });
}
