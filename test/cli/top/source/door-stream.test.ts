import { expect, onTestFinished, test } from 'vitest';
import { doorAt, followDoor } from '../../../../src/cli/top/source/door-stream.ts';
import { startRaw } from '../../../helpers/clients.ts';

/** Says this, and then something that means nothing, again and again. */
async function stranger(first: string, more: string): Promise<string> {
  const raw = await startRaw((socket) => {
    socket.write(first);
    const timer = setInterval(() => socket.write(more), 100);
    socket.once('close', () => clearInterval(timer));
  });
  onTestFinished(() => raw.stop());
  return `http://127.0.0.1:${raw.port}`;
}

test.each(['HTTP/1.1 200 OK\r\n\r\n{"id":"abc234"', 'HTTP/1.1 200 OK\r\nX: '])(
  'who answers %j and never comes to an end is no door',
  async (first) => {
    expect(await doorAt(await stranger(first, ' '))).toBe(null);
  },
);

test('a stream that tells no overview ends, whatever else it tells', async () => {
  const head = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n';
  const admin = await stranger(head, ': still here\n\nevent: overview\ndata: {}\n\n');
  const seen: unknown[] = [];
  await new Promise<void>((resolve, reject) => {
    const listener = { onOverview: (one: unknown) => seen.push(one), onEnd: resolve };
    followDoor(admin, listener).catch(reject);
  });
  expect(seen).toEqual([]);
});
