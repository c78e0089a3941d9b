import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { Overview } from '../../src/model/overview.ts';
import { type Opened, openBrowser, openPage, type TestBrowser } from '../helpers/browser.ts';
import { needs, testWith, thorough } from '../helpers/needs.ts';
import { openPageSite, type PageSite, screenshotPath } from '../helpers/page-site.ts';
import { until } from '../helpers/until.ts';

const IMG = join(import.meta.dirname, '../../img');
const PICTURES = ['box.webp', 'tail.gif', 'night.png', 'morning.jpg'];
const PATHS = ['/', '/', '/test', '/', '/recent', '/get?key=greeting', '/'];
/** The charts show a minute; half of one looks like what they are, to whoever looks at the pictures. */
const SECONDS = thorough ? 30 : 6;

let site: PageSite;
let browser: TestBrowser | null = null;
const stopped = new AbortController();
let load: Promise<void> | null = null;

beforeAll(async () => {
  [site, browser] = await Promise.all([openPageSite(), openBrowser()]);
  if (!browser) return;
  await site.openDoor('up', '-n', '4');
  const { code } = await site.call(['upload', ...PICTURES.map((name) => join(IMG, name))]);
  expect(code).toBe(0);
  await fetch(`${site.doorUrl}/set?key=greeting&message=hello&ttl=600`);
  await until('all serve', async () => (await site.liveNow()).length === 4);
  load = startLoad(site.doorUrl, stopped.signal);
  await charted(SECONDS / 2);
  const [victim] = await site.liveNow();
  if (!victim) throw new Error('nothing serves');
  process.kill(victim.pid, 'SIGKILL');
  await charted(SECONDS);
});
afterAll(async () => {
  stopped.abort();
  await load;
  await browser?.close();
  await site.close();
});

const testPage = (name: string, run: () => Promise<unknown>) => testWith(needs.chromium, name, run);

async function opened(url: string, options = {}): Promise<Opened> {
  const opened = await openPage(browser, url, options);
  await opened.page.locator('#servers tbody .status[data-tone=good]').nth(3).waitFor();
  return opened;
}

/** Waits until so many seconds of the last minute had requests. */
async function charted(seconds: number): Promise<void> {
  await until(`${seconds} s with requests`, async () => {
    const { history } = (await (await fetch(`${site.pageUrl}overview`)).json()) as Overview;
    return history.rps.filter((rps) => rps > 0).length >= seconds;
  });
}

describe('of a fleet at work the page', () => {
  testPage('shows requests a second and latency, and what each server uses', async () => {
    const { page, context } = await opened(site.pageUrl);
    const figure = (name: string) => page.locator(`[data-figure=${name}]`).textContent();
    await until('there are figures', async () => Number(await figure('rps')) > 0);
    await until('there is a latency', async () => /\d m?s$/.test((await figure('p99')) ?? ''));
    const row = page.locator('#servers tbody tr').first();
    await until('a row has a rate', async () => {
      return Number(await row.locator('[data-cell=rps] span').textContent()) > 0;
    });
    await row.locator('[data-cell=rss]', { hasText: /\d+ MB/ }).waitFor();
    await row.locator('[data-cell=cpu]', { hasText: /%$/ }).waitFor();
    expect(await row.locator('.spark path').getAttribute('d')).toMatch(/^M\d/);
    const summary = await page.locator('#rps-chart').getAttribute('aria-label');
    expect(summary).toMatch(/^Requests per second in the last minute: .* now, at most /);
    await context.close();
  });

  testPage('shows pictures that wait and recent visits, with the token', async () => {
    const { page, context, faults } = await opened(site.tokenUrl());
    const images = page.locator('#pictures img');
    await images.nth(PICTURES.length - 1).waitFor();
    await until('all are drawn', () =>
      page.evaluate(() =>
        [...document.querySelectorAll<HTMLImageElement>('#pictures img')].every(
          ({ complete, naturalWidth, src }) =>
            complete && naturalWidth > 0 && src.startsWith('blob:'),
        ),
      ),
    );
    expect(await images.first().getAttribute('alt')).toBe('morning.jpg');
    expect(await page.locator('#queue-size').textContent()).toMatch(/^4 pictures, \d+ kB/);
    await page.locator('#visits', { hasText: '/get?key=greeting' }).waitFor();
    // One that is fetched leaves the queue, and the page.
    await (await fetch(`${site.doorUrl}/meow`)).arrayBuffer();
    await until('it has left', async () => (await images.count()) === PICTURES.length - 1);
    expect(faults).toEqual([]);
    await context.close();
    await site.call(['upload', join(IMG, 'morning.jpg')]);
  });

  testPage(
    'shows neither pictures nor visits without the token, but how many there are',
    async () => {
      const { page, context } = await opened(site.pageUrl);
      await page.locator('#queue-size', { hasText: '4 pictures' }).waitFor();
      expect(await page.locator('#pictures img').count()).toBe(0);
      expect(await page.locator('#visits li').count()).toBe(0);
      expect(await page.locator('body').textContent()).not.toContain('greeting');
      await context.close();
    },
  );

  for (const colorScheme of ['light', 'dark'] as const) {
    const one = colorScheme === 'light' ? 1_280 : 360;
    for (const width of thorough ? [360, 1_280, 1_600] : [one]) {
      testPage(`is taken a picture of, ${colorScheme}, ${width} px`, async () => {
        const options = { colorScheme, viewport: { width, height: 1_100 } };
        const { page, context, faults } = await opened(site.tokenUrl(), options);
        await page.locator('#pictures img').first().waitFor();
        await page.locator('.chart canvas').nth(1).waitFor();
        await page.locator('#events li').first().waitFor();
        await page.screenshot({
          path: screenshotPath(`fleet-${width}-${colorScheme}`),
          fullPage: true,
        });
        const totals = page.locator('#totals');
        const isCutOff = (box: HTMLElement) => box.scrollWidth > box.clientWidth;
        expect(await totals.evaluate(isCutOff)).toBe(false);
        const row = page.locator('#servers tbody tr').last();
        const isPainted = (box: HTMLElement) => getComputedStyle(box).contentVisibility;
        expect(await row.evaluate(isPainted)).toBe('visible');
        expect(await page.locator('#doors td').nth(1).evaluate(linesOfHost)).toBe(1);
        expect(faults).toEqual([]);
        await context.close();
      });
    }
  }
});

/** In the page: in how many lines the host and port of an address stand. */
function linesOfHost(cell: HTMLElement): number {
  const range = document.createRange();
  range.selectNodeContents(cell.lastChild ?? cell);
  return range.getClientRects().length;
}

/** A door's usual day, at some hundred requests a second. What a killed server had in hand may fail. */
async function startLoad(url: string, signal: AbortSignal): Promise<void> {
  const work = async (worker: number) => {
    for (let n = worker; !signal.aborted; n++) {
      // The server that is killed may be in the midst of an answer.
      const answer = fetch(`${url}${PATHS[n % PATHS.length]}`);
      await answer.then((came) => came.text()).catch(() => '');
      await pause(10 + 20 * (1 + Math.sin(performance.now() / 4_000)));
    }
  };
  await Promise.all(Array.from({ length: 6 }, (_, worker) => work(worker)));
}
