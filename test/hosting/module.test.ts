import { randomBytes } from 'node:crypto';
import { request as ask, createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { App } from '../../src/hosting/app.ts';
import { loadModule } from '../../src/hosting/module.ts';
import { until } from '../helpers/until.ts';

const APPS = join(import.meta.dirname, '..', 'fixtures', 'apps');
const variables = { GREETING: 'hi' };

interface Served {
  readonly url: string;
  readonly port: number;
  readonly app: App;
  readonly log: string[];
}

const servers: { close(): void }[] = [];
afterAll(() => {
  for (const server of servers) server.close();
});

function load(file: string, log: string[] = []): Promise<App> {
  const importModule = (url: string) => import(url);
  const deps = { importModule, variables, hint: '', log: (line: string) => log.push(line) };
  return loadModule(join(APPS, file), deps);
}

async function serve(file: string): Promise<Served> {
  const log: string[] = [];
  const app = await load(file, log);
  const server = createServer(app.request);
  if (app.upgrade) server.on('upgrade', app.upgrade);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push({ close: () => void [server.close(), server.closeAllConnections()] });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, app, log };
}

const text = async (url: string, init?: RequestInit) => (await fetch(url, init)).text();

describe('a Hono app', () => {
  let hono: Served;

  beforeAll(async () => {
    hono = await serve('hono.mjs');
  });

  test('answers, knows its variables, its host and its client, and sets two cookies', async () => {
    expect(await text(hono.url)).toBe('hono says hi');
    const answer = await fetch(`${hono.url}/cookies`);
    expect(await answer.json()).toEqual({ host: `127.0.0.1:${hono.port}`, from: '127.0.0.1' });
    expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    const head = await fetch(`${hono.url}/cookies`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect((await fetch(`${hono.url}/none`)).status).toBe(404);
  });

  test('leaves the Request and Response of this process as they are', () => {
    expect(Response.name + Request.name).toBe('ResponseRequest');
    expect(Function.prototype.toString.call(Response)).toContain('webidl');
  });

  test('reads a body of any length, sends it back as it comes, and may leave it unread', async () => {
    const body = randomBytes(3_000_000);
    expect(await text(`${hono.url}/length`, { method: 'POST', body })).toBe('3000000');
    const echo = await fetch(`${hono.url}/echo`, { method: 'POST', body });
    expect(echo.headers.get('content-type')).toBe('app/echo');
    expect(Buffer.from(await echo.arrayBuffer()).equals(body)).toBe(true);
    const refused = await fetch(`${hono.url}/refuse`, { method: 'POST', body: 'x'.repeat(1_000) });
    expect([refused.status, await refused.text()]).toEqual([413, 'not read']);
  });

  test('sends what it has while it goes on, and is told when its client leaves', async () => {
    for (const path of ['/slow', '/waits']) {
      const before = Number(await text(`${hono.url}/left`));
      const request = ask(`${hono.url}${path}`, { agent: false });
      request.on('error', () => {});
      request.end();
      if (path === '/slow') {
        const [piece] = await new Promise<[string]>((resolve) =>
          request.once('response', (response) =>
            response.once('data', (chunk) => resolve([String(chunk)])),
          ),
        );
        expect(piece).toBe('begun');
      } else await new Promise((resolve) => request.once('finish', () => setImmediate(resolve)));
      request.destroy();
      const left = async () => Number(await text(`${hono.url}/left`)) === before + 1;
      await until('it is told', left);
    }
  });

  test('that throws answers 500, and no client hears why', async () => {
    const said = vi.spyOn(console, 'error').mockImplementation(() => {});
    const answer = await fetch(`${hono.url}/throws`);
    expect([answer.status, await answer.text()]).toEqual([500, 'Internal Server Error']);
    said.mockRestore();
  });
});

describe('an object with fetch', () => {
  let edge: Served;

  beforeAll(async () => {
    edge = await serve('edge.mjs');
  });

  test('is handed its variables', async () => {
    expect(await text(`${edge.url}/env`)).toBe('hi');
  });

  test.each([
    ['/throws', 'hush-4711'],
    ['/nothing', 'gave no Response'],
    ['/error', 'gave no Response'],
  ])('that fails at %s answers 500 and says why in the log alone', async (path, why) => {
    const answer = await fetch(edge.url + path);
    const said = await answer.text();
    expect([answer.status, said]).toEqual([500, 'something went wrong here; it is in the log\n']);
    expect(edge.log.at(-1)).toContain(`GET "${path}": `);
    expect(edge.log.at(-1)).toContain(why);
  });

  test('that gives one Response twice is told so the second time', async () => {
    expect(await text(`${edge.url}/used`)).toBe('once');
    expect((await fetch(`${edge.url}/used`)).status).toBe(500);
    expect(edge.log.at(-1)).toContain('used already');
  });

  test('that fails in the middle of an answer is visibly cut', async () => {
    const said = vi.spyOn(console, 'error').mockImplementation(() => {});
    await expect(text(`${edge.url}/cut`)).rejects.toThrow();
    expect(await text(`${edge.url}/env`)).toBe('hi');
    said.mockRestore();
  });

  test('answers 400 to a Host that no url can have', async () => {
    const said = await new Promise<string>((resolve) => {
      const socket = connect(edge.port, '127.0.0.1');
      let heard = '';
      socket.on('data', (chunk) => {
        heard += chunk;
      });
      socket.on('close', () => resolve(heard));
      socket.write('GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n');
    });
    expect(said).toMatch(/^HTTP\/1\.1 400 /);
  });

  test('goes on after its answer before its server ends, and what fails then is in the log', async () => {
    await text(`${edge.url}/later`);
    await edge.app.stop?.(60_000);
    expect(await text(edge.url)).toBe('["done"]');
    expect(edge.log.join()).toContain('later went wrong');
  });
});

describe('a Fastify instance', () => {
  test('is made ready, answers, takes upgrades, and is closed at the end', async () => {
    const { url, port, app } = await serve('fastify.mjs');
    expect(await text(`${url}/plugin`)).toBe('{"loaded":true}');
    const headers = { 'content-type': 'application/json' };
    const echo = await text(`${url}/echo`, { method: 'POST', headers, body: '{"a":[1]}' });
    expect(echo).toBe('{"a":[1]}');
    expect((await fetch(`${url}/throws`)).status).toBe(500);
    const back = await new Promise<string>((resolve, reject) => {
      const up = ask({ port, headers: { connection: 'Upgrade', upgrade: 'echo' } });
      up.on('upgrade', (_, socket) => {
        socket.once('data', (chunk) => {
          resolve(String(chunk));
          socket.destroy();
        });
        socket.write('meow?');
      });
      up.on('error', reject).end();
    });
    expect(back).toBe('meow?');
    const said = vi.spyOn(console, 'error').mockImplementation(() => {});
    await app.stop?.(60_000);
    expect(said).toHaveBeenCalledWith('fastify has closed');
    said.mockRestore();
  });
});

describe('a module', () => {
  test.each(['listens.js', 'fastify-listens.mjs'])('%s listens by itself', async (file) => {
    const path = join(APPS, file);
    await expect(load(file)).rejects.toMatchObject({
      code: 'app-listens',
      message: expect.stringContaining(path),
      remedy: expect.stringContaining(`meowctl spawn -- node test/fixtures/apps/${file}`),
    });
  });
});
