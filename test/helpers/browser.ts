import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
} from 'playwright-core';
import { browserProgram, needs } from './needs.ts';

/** A Chromium of one test file's own, as Debian has it. */
export interface TestBrowser {
  /** A profile of its own, and its only page. What the page says of its faults is in `faults`. */
  open(options?: BrowserContextOptions): Promise<Opened>;
  /** Ends it, and whatever it has open. */
  close(): Promise<void>;
}

export interface Opened {
  readonly context: BrowserContext;
  readonly page: Awaited<ReturnType<BrowserContext['newPage']>>;
  /** Errors thrown in the page, what its policy refused, and what it logged as an error. */
  readonly faults: string[];
}

/** A bound for what hangs. */
const BOUND_MS = 120_000;
/** A name that somebody else's DNS may well point at this machine. */
export const FOREIGN_NAME = 'elsewhere.test';
// Root has no sandbox; a container's /dev/shm is small.
const FLAGS = [
  ...['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  `--host-resolver-rules=MAP ${FOREIGN_NAME} 127.0.0.1`,
];

/** @returns null where there is none: its tests are then skipped, or fail in CI */
export async function openBrowser(): Promise<TestBrowser | null> {
  if (!needs.chromium.isHere()) return null;
  const home = mkdtempSync(join(tmpdir(), 'meow-test-browser-'));
  const browser: Browser = await chromium.launch({
    executablePath: browserProgram(),
    args: FLAGS,
    env: { PATH: process.env.PATH ?? '', HOME: home, TMPDIR: tmpdir(), LANG: 'C.UTF-8' },
  });
  return {
    async open(options = {}) {
      const context = await browser.newContext({ locale: 'en-GB', ...options });
      context.setDefaultTimeout(BOUND_MS);
      const page = await context.newPage();
      const faults: string[] = [];
      page.on('pageerror', ({ message }) => faults.push(message));
      page.on('console', (said) => {
        if (said.type() === 'error') faults.push(said.text());
      });
      return { context, page, faults };
    },
    async close() {
      await browser.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

export async function openPage(
  browser: TestBrowser | null,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Opened> {
  if (!browser) throw new Error('there is no browser');
  const opened = await browser.open(options);
  await opened.page.goto(url);
  return opened;
}
