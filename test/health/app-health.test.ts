import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { defaults } from '../../src/defaults.ts';
import { AppHealth } from '../../src/health/app-health.ts';
import { BELOW_500 } from '../../src/health/ask-app.ts';
import type { App } from '../../src/hosting/app.ts';
import { withHealth } from '../../src/hosting/module-health.ts';
import type { StatusRange } from '../../src/model/health-page.ts';
import { until } from '../helpers/until.ts';

const LOOK_MS = 60;
/** So many looks have been made while an app is asked that often. */
const MANY = 8;

const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

/** An app that can be told anew how to answer, and what was asked of it. */
async function startApp(answer: RequestListener) {
  const app = { answer, asked: [] as string[], port: 0 };
  const server = createServer((request, response) => {
    app.asked.push(`${request.url} by ${request.headers['user-agent']}`);
    app.answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  app.port = (server.address() as AddressInfo).port;
  open.push({ close: () => void [server.close(), server.closeAllConnections()] });
  return app;
}

const status =
  (code: number): RequestListener =>
  (_request, response) => {
    response.statusCode = code;
    response.end();
  };
const never: RequestListener = () => {};

async function watch(
  answer: RequestListener,
  range: StatusRange = BELOW_500,
  clock: { nowMs?(): number } = {},
) {
  const app = await startApp(answer);
  const changes: (string | null)[] = [];
  let answers = 0;
  const deps = {
    page: () => ({ host: '127.0.0.1', port: app.port, path: '/up', status: range }),
    answers: () => answers,
    onChange: () => void changes.push(health.why),
    log: () => {},
    ...clock,
  };
  const health = new AppHealth(deps, { ...defaults, healthIntervalMs: LOOK_MS });
  health.start();
  open.push({ close: () => health.stop() });
  return { app, health, changes, answerSomebody: () => answers++ };
}

describe('an app fails', () => {
  test.each<[string, RequestListener, StatusRange, string]>([
    ['answers 500', status(500), BELOW_500, 'answers GET /up with 500'],
    [
      'answers what is not wanted',
      status(404),
      [200, 399],
      'answers GET /up with 404, not 200-399',
    ],
    ['answers nothing', never, BELOW_500, 'does not answer GET /up'],
    [
      'breaks the connection',
      (request) => void request.socket.destroy(),
      BELOW_500,
      'does not answer GET /up',
    ],
  ])(
    'when it %s three times in a row, and is well again when it answers',
    async (_, ill, range, why) => {
      const { app, health, changes } = await watch(status(200), range);
      await until('it was asked', () => app.asked.length > 2);
      expect([health.why, changes]).toEqual([null, []]);
      app.answer = ill;
      await until('it fails', () => health.why !== null);
      app.answer = status(204);
      await until('it is well', () => health.why === null);
      expect(changes).toEqual([why, null]);
      expect(new Set(app.asked)).toEqual(new Set(['/up by meowctl-health']));
    },
  );

  test('not for one bad answer, nor for two', async () => {
    const codes = [500, 500, 200];
    const turns: RequestListener = (...given) =>
      status(codes[app.asked.length % 3] ?? 200)(...given);
    const { app, health, changes } = await watch(turns);
    await until('it was asked', () => app.asked.length > MANY);
    expect([health.why, changes]).toEqual([null, []]);
  });

  test('not for being slow while it answers its clients, or answers after a while', async () => {
    const { app, changes, answerSomebody } = await watch(never);
    const serving = setInterval(answerSomebody, LOOK_MS / 3);
    onTestFinished(() => clearInterval(serving));
    await new Promise((resolve) => setTimeout(resolve, MANY * LOOK_MS));
    expect(app.asked.length).toBeGreaterThan(0);
    expect(changes).toEqual([]);
    const slow = await watch((_request, response) => {
      setTimeout(() => response.end(), 2 * LOOK_MS);
    });
    await until('it was asked', () => slow.app.asked.length > 3);
    expect(slow.changes).toEqual([]);
  });

  test('not for looks that a sleep of its machine came between', async () => {
    let nowMs = 0;
    const nowMsOfSleeper = () => {
      nowMs += 10 * LOOK_MS; // between each two looks
      return nowMs;
    };
    const { app, changes } = await watch(never, BELOW_500, { nowMs: nowMsOfSleeper });
    await until('it was asked', () => app.asked.length > 0);
    const fails = await watch(never);
    await until('another fails meanwhile', () => fails.changes.length > 0);
    expect(changes).toEqual([]);
  });
});

describe('a module with a page of health', () => {
  const appAt = (path: string, readyMs: number, range: StatusRange = BELOW_500) => {
    const bare: App = { request: () => {}, upgrade: null };
    return withHealth(bare, {
      name: 'module "x"',
      path,
      status: range,
      readyMs,
      hint: '. Hint',
      limits: defaults,
    });
  };

  test('is ready when that answers well, and not before', async () => {
    const app = await startApp((...given) => status(app.asked.length < 3 ? 500 : 200)(...given));
    const checked = appAt('/up', 120_000);
    await checked.start?.(app.port, '127.0.0.1');
    expect(app.asked).toHaveLength(3);
    expect(checked.page?.()).toMatchObject({ port: app.port, path: '/up' });
  });

  test.each<[string, RequestListener, StatusRange, RegExp]>([
    ['500', status(500), BELOW_500, /^module "x" still answers GET \/up with 500 after 1\.5 s$/],
    ['404', status(404), [200, 299], /still answers GET \/up with 404, not 200-299 after/],
    ['nothing', never, BELOW_500, /^module "x" does not answer GET \/up after 1\.5 s$/],
  ])('that answers %s is not ready, and says so', async (_, answer, range, message) => {
    const { port } = await startApp(answer);
    await expect(appAt('/up', 1_500, range).start?.(port, '127.0.0.1')).rejects.toMatchObject({
      code: 'app-not-ready',
      exitCode: 5,
      message: expect.stringMatching(message),
      remedy: expect.stringMatching(/--health.*\. Hint$/),
    });
  });
});
