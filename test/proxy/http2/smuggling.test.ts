import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { certificateFolder, makeCertificate } from '../../helpers/certificates.ts';
import { type Fleet, type OpenDoor, startFleet } from '../../helpers/door-fleet.ts';
import { answered, ended, leftOut, passed, replaced, START } from '../../helpers/http2-cases.ts';
import { speak } from '../../helpers/http2-frames.ts';
import { type RecordingServer, startRecording } from '../../helpers/recording-server.ts';

let fleet: Fleet;
let server: RecordingServer;
let open: OpenDoor;
const folder = certificateFolder();
beforeAll(async () => {
  fleet = await startFleet();
  server = await startRecording('aaaaaa');
  const { port } = server;
  await fleet.register({ id: 'aaaaaa', port, url: `http://127.0.0.1:${port}` });
  const certificates = [makeCertificate(folder, ['localhost'])];
  open = await fleet.open(1, {}, null, { certificates, hstsSeconds: null });
});
afterAll(async () => {
  await fleet.stop();
  await server.stop();
  rmSync(folder, { recursive: true });
});

const DOORS_OWN =
  /(?:connection: keep-alive|x-forwarded-for: 127\.0\.0\.1|x-forwarded-proto: https|x-forwarded-host: (?:a|\[::1\]:80)|x-request-id: ([\w-]+)\r\nmeow-attempt: \1|via: 2 meow-[a-z2-9]{6})\r\n/g;

/** Says what came of it, and all that the server saw of it, without the door's own lines. */
async function send(bytes: Buffer) {
  const before = server.requests.length;
  const outcome = await speak(open.port, bytes);
  const seen = server.requests.slice(before).map((request) => request.replace(DOORS_OWN, ''));
  return { outcome, seen };
}

describe('over HTTP/2 no server sees anything of', () => {
  test.each(ended)('%s: its stream or its connection is ended', async (_title, bytes) => {
    const { outcome, seen } = await send(bytes);
    expect(outcome).toMatchObject({ status: 0, body: '' });
    expect(`${outcome.reset}${outcome.goaway}`).toMatch(/_ERROR|ENHANCE_YOUR_CALM/);
    expect(seen).toEqual([]);
    expect(server.unread()).toBe('');
  });

  const own = answered.flatMap(([status, cases]) =>
    cases.map(([title, bytes]) => [title, status, bytes] as const),
  );
  test.each(own)('%s: the door answers %i', async (_title, status, bytes) => {
    const { outcome, seen } = await send(bytes);
    expect(outcome).toMatchObject({ status, ended: true });
    expect(outcome.body).toMatch(/^\w.*\n$/);
    expect(seen).toEqual([]);
  });

  test.each(leftOut)('%s: the line is left out', async (_title, bytes) => {
    const { outcome, seen } = await send(bytes);
    expect(outcome.status).toBe(200);
    expect(seen).toEqual([`${START}\r\n`]);
  });

  test.each(replaced)('%s: that is the door’s to say', async (_title, bytes) => {
    const { outcome, seen } = await send(bytes);
    expect(outcome.status).toBe(200);
    expect(seen).toEqual([`${START}\r\n`]);
  });

  // So that none is lost when the tables change: count anew what is meant to be there.
  test('all the heads and bodies that were tried', () => {
    const tables = { ended, own, leftOut, replaced, passed };
    const counts = Object.entries(tables).map(([name, cases]) => [name, cases.length]);
    expect(Object.fromEntries(counts)).toEqual({
      ended: 154,
      own: 32,
      leftOut: 60,
      replaced: 13,
      passed: 25,
    });
  });
});

describe('over HTTP/2 goes on as one request of HTTP/1', () => {
  test.each(passed)('%s', async (_title, bytes, request) => {
    const { outcome, seen } = await send(bytes);
    expect(outcome).toMatchObject({ status: 200, body: 'ok' });
    expect(seen).toEqual([request]);
  });
});
