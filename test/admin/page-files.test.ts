import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Admin } from '../../src/admin/admin.ts';
import { adminOf } from '../helpers/admin.ts';
import { ask, exchange } from '../helpers/clients.ts';
import { type Fleet, startFleet } from '../helpers/door-fleet.ts';
import { freePort } from '../helpers/redis.ts';

const pageFolder = mkdtempSync(join(tmpdir(), 'meow-page-'));
let fleet: Fleet;
let admin: Admin;
let port: number;
beforeAll(async () => {
  writeFileSync(join(pageFolder, 'index.html'), '<!doctype html><title>meow</title>');
  writeFileSync(join(pageFolder, 'page.js'), 'void 0;');
  writeFileSync(join(pageFolder, 'notes.txt'), 'not of the page');
  fleet = await startFleet();
  port = await freePort();
  admin = adminOf(fleet, await fleet.open(0), { port, pageFolder });
  await admin.listen();
});
afterAll(async () => {
  admin.close();
  await fleet.stop();
  rmSync(pageFolder, { recursive: true });
});

test.each([
  ['/', 'text/html; charset=utf-8', '<!doctype html>'],
  ['/index.html', 'text/html; charset=utf-8', '<!doctype html>'],
  ['/page.js', 'text/javascript; charset=utf-8', 'void 0;'],
])('GET %s brings a file of the page as %s', async (path, type, begin) => {
  const { status, headers, body } = await ask(port, path);
  expect([status, headers['content-type']]).toEqual([200, type]);
  expect(body.startsWith(begin)).toBe(true);
});

test('a browser that has a file of the page is told that it is still the same', async () => {
  const { headers } = await ask(port, '/page.js');
  const again = await ask(port, '/page.js', { headers: { 'if-none-match': headers.etag ?? '' } });
  expect([again.status, again.body, again.headers.etag]).toEqual([304, '', headers.etag]);
  const other = await ask(port, '/page.js', { headers: { 'if-none-match': '"other"' } });
  expect(other.status).toBe(200);
});

test.each(['/notes.txt', '/../page.js', '/%2e%2e/notes.txt', '/page.js/', '/.', '//page.js'])(
  'GET %s brings nothing of the disk',
  async (path) => {
    const text = await exchange(
      port,
      `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
    );
    expect(text).toMatch(/^HTTP\/1\.1 404 /);
  },
);
