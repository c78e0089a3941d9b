import { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from 'vitest';
import { type Opened, openBrowser, openPage, type TestBrowser } from '../helpers/browser.ts';
import { needs, testWith } from '../helpers/needs.ts';
import { openPageSite, type PageSite } from '../helpers/page-site.ts';
import { until } from '../helpers/until.ts';

/** Its second server takes longer to be ready than a door takes to die. */
const SLOW_APP = `import { existsSync, writeFileSync } from 'node:fs';
const isSecond = existsSync('first');
writeFileSync('first', '');
if (isSecond) await new Promise((resolve) => setTimeout(resolve, 8_000));
export default (_, response) => response.end('slow');
`;

let site: PageSite;
let browser: TestBrowser | null = null;
let opened: Opened;

beforeAll(async () => {
  [site, browser] = await Promise.all([openPageSite(), openBrowser()]);
});
afterAll(async () => {
  await browser?.close();
  await site.close();
});

const testPage = (name: string, run: () => Promise<unknown>) => testWith(needs.chromium, name, run);

describe('beside a door', () => {
  beforeEach(async () => {
    if (!browser) return;
    await site.spawn('2');
    await site.openDoor('proxy');
    opened = await openPage(browser, site.tokenUrl());
    await rowsUp(2);
  });
  afterEach(async () => {
    await opened?.context.close();
    await site.clear();
  });

  testPage('spawn says what it will do, does it, and the new row is there', async () => {
    const { page } = opened;
    const before = await site.liveNow();
    await page.getByRole('button', { name: 'Spawn…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Spawn servers' });
    await dialog.getByLabel('How many more').fill('2');
    await dialog.getByText('Starts 2 servers more').waitFor();
    await dialog.getByRole('button', { name: 'Spawn 2 servers' }).click();
    await changeSays(/✓.*spawn 2 servers.*: 2 servers started/);
    await rowsUp(4);
    expect(await site.liveNow()).toHaveLength(before.length + 2);
    expect(opened.faults).toEqual([]);
  });

  testPage('destroy asks first, and the row goes while the others stay', async () => {
    const { page } = opened;
    const [victim, other] = await site.liveNow();
    const row = page.locator(`#servers tr[data-id="${victim?.id}"]`);
    await row.getByRole('button', { name: 'Destroy' }).click();
    const dialog = page.getByRole('dialog', { name: `Destroy ${victim?.id}` });
    // Enter does not end it: the focus is on the way out.
    expect(await focused(page)).toBe('Cancel');
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    expect(await focused(page)).toBe(`Destroy ${victim?.id}`);
    expect(await site.liveNow()).toHaveLength(2);
    await row.getByRole('button', { name: 'Destroy' }).click();
    await dialog.getByText('It is not started again. 1 server goes on.').waitFor();
    await dialog.getByRole('button', { name: `Destroy ${victim?.id}` }).click();
    await changeSays(/✓.*destroy/);
    await row.waitFor({ state: 'detached' });
    expect((await site.liveNow()).map(({ id }) => id)).toEqual([other?.id]);
    // The last one goes too, where the question said that nothing is served then.
    await page.getByRole('button', { name: `Destroy ${other?.id}` }).click();
    await page.getByRole('dialog').getByText('Then nothing is served: clients get 503.').waitFor();
    await page
      .getByRole('dialog')
      .getByRole('button', { name: /^Destroy/ })
      .click();
    await until('none is left', async () => (await site.liveNow()).length === 0);
  });

  testPage(
    'scale tells how many start or end, and brings the host there, by keyboard alone',
    async () => {
      const { page } = opened;
      await page.getByRole('button', { name: 'Scale…' }).focus();
      await page.keyboard.press('Enter');
      const dialog = page.getByRole('dialog', { name: 'Scale this host' });
      await dialog.getByText('nothing changes').waitFor();
      await page.keyboard.type('3');
      await dialog.getByText('Starts 1 more').waitFor();
      await page.keyboard.press('Enter');
      await changeSays(/✓.*scale to 3 servers/);
      await rowsUp(3);
      await page.keyboard.press('Enter');
      await page.keyboard.type('1');
      await dialog.getByText('Ends the 2 servers that started last').waitFor();
      await page.keyboard.press('Enter');
      await changeSays(/✓.*scale to 1 server/);
      await until('one serves', async () => (await site.liveNow()).length === 1);
    },
  );

  testPage(
    'restart replaces every server, each step of it is told, and no request fails',
    async () => {
      const { page } = opened;
      const before = (await site.liveNow()).map(({ id }) => id);
      let isOver = false;
      const load = (async () => {
        const failed: number[] = [];
        while (!isOver) {
          const { status } = await fetch(`${site.doorUrl}/test`);
          if (status !== 200) failed.push(status);
        }
        return failed;
      })();
      await page.getByRole('button', { name: 'Restart all…' }).click();
      const dialog = page.getByRole('dialog', { name: 'Restart all servers' });
      await dialog.getByText('Replaces each of the 2 servers').waitFor();
      await dialog.getByRole('button', { name: 'Restart all' }).click();
      await page.locator('#changes li li').first().waitFor();
      await changeSays(/✓.*restart all.*: 2 servers replaced/);
      isOver = true;
      expect(await load).toEqual([]);
      const after = (await site.liveNow()).map(({ id }) => id);
      expect(after).toHaveLength(2);
      expect(after.filter((id) => before.includes(id))).toEqual([]);
      for (const id of after) await page.locator(`#servers tr[data-id="${id}"]`).waitFor();
    },
  );

  testPage('what the door refuses is told once, with what to do', async () => {
    const { page } = opened;
    const [victim] = await site.liveNow();
    const row = page.locator(`#servers tr[data-id="${victim?.id}"]`);
    await row.getByRole('button', { name: 'Destroy' }).click();
    expect((await site.call(['destroy', victim?.id ?? ''])).code).toBe(0);
    const answered = page.waitForResponse((response) => response.request().method() === 'DELETE');
    await page
      .getByRole('dialog')
      .getByRole('button', { name: `Destroy ${victim?.id}` })
      .click();
    expect((await answered).ok()).toBe(false);
    // By the stream, and as the answer.
    await changeSays(new RegExp(`✗.*${victim?.id} on .*: `));
    expect(await page.locator('#changes > li').count()).toBe(1);
  });
});

describe('beside a door that dies', () => {
  afterEach(async () => {
    await opened?.context.close();
    await site.clear();
  });

  testPage(
    'what was being changed is told as out of sight, once there is a door again',
    async () => {
      const app = site.write('slow.mjs', SLOW_APP);
      await site.spawn('1', '--app', app);
      const door = await site.openDoor('proxy');
      opened = await openPage(browser, site.tokenUrl());
      await rowsUp(1);
      await opened.page.getByRole('button', { name: 'Spawn…' }).click();
      await opened.page.getByRole('button', { name: 'Spawn 1 server' }).click();
      await changeSays(/….*spawn 1 server/);
      door.kill('SIGKILL');
      await door.ended;
      await site.openDoor('proxy');
      await changeSays(/✗.*spawn 1 server.*: the door that did it is gone/);
    },
  );
});

describe('beside `up`', () => {
  afterEach(async () => {
    await opened?.context.close();
    await site.clear();
  });

  testPage('a server that is killed is told with why, and so is the one in its place', async () => {
    await site.openDoor('up', '-n', '2');
    opened = await openPage(browser, site.tokenUrl());
    await rowsUp(2);
    const [victim] = await site.liveNow();
    process.kill(victim?.pid ?? Number.NaN, 'SIGKILL');
    const events = opened.page.locator('#events li');
    await events
      .filter({ hasText: victim?.id ?? '' })
      .filter({ hasText: /lost|taken out/ })
      .first()
      .waitFor();
    await events.filter({ hasText: 'revived' }).first().waitFor();
    await opened.page
      .locator(`#servers tr[data-id="${victim?.id}"]`)
      .waitFor({ state: 'detached' });
    await rowsUp(2);
    expect(opened.faults).toEqual([]);
  });
});

async function rowsUp(count: number): Promise<void> {
  const rows = opened.page.locator('#servers tbody tr .status[data-tone=good]');
  await until(`${count} rows are up`, async () => (await rows.count()) === count);
}

async function changeSays(words: RegExp): Promise<void> {
  await opened.page.locator('#changes > li').filter({ hasText: words }).first().waitFor();
}

function focused(page: Opened['page']): Promise<string | null | undefined> {
  return page.evaluate(() => document.activeElement?.textContent);
}
